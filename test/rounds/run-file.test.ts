import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FedError } from '../../src/core/errors.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { presets } from '../../src/strategies/presets/index.ts'

const GOOD = {
  name: 'tiny',
  seed: 1,
  rounds: 1,
  model: { name: 'linear' },
  data: { name: 'synthetic' },
  clients: { total: 4, perRound: 3 },
}

function issuesOf(changes: object): readonly (readonly [path: string, message: string])[] {
  try {
    parseRunFile({ ...GOOD, ...changes })
    return []
  } catch (error) {
    return ((error as FedError).detail.issues ?? []).map(({ path, message }) => [path, message] as const)
  }
}

describe('a rule that spans keys', () => {
  const cases: readonly (readonly [what: string, changes: object, issues: ReturnType<typeof issuesOf>])[] = [
    ['holds', {}, []],
    [
      'says nothing of the cohort while that is larger than all clients',
      { clients: { total: 4, perRound: 44 }, round: { quorum: 50, overSelect: 1 } },
      [['clients.perRound', 'expected at most clients.total (4), got 44']],
    ],
    [
      'counts those chosen beyond the cohort',
      { round: { overSelect: 2 } },
      [['round.overSelect', 'expected at most 1 (clients.total - clients.perRound), got 2']],
    ],
    [
      'says one thing of one key',
      { clients: { total: 4, perRound: 3, sampling: 'poisson' }, round: { overSelect: 9 } },
      [['round.overSelect', 'expected 0 with clients.sampling: poisson']],
    ],
    [
      'names every key that breaks one of its own',
      { clients: { total: 4, perRound: 1 }, round: { quorum: 2 }, barriers: { between: 'clients' } },
      [
        [
          'barriers.between',
          'expected at least two clients per round to compare, got 1. Use between: global, or every: 0',
        ],
        ['round.quorum', 'expected at most clients.perRound (1), got 2'],
      ],
    ],
  ]
  for (const [what, changes, issues] of cases)
    test(what, () => assert.deepEqual(new Set(issuesOf(changes)), new Set(issues)))
})

describe('a name that is none', () => {
  const names = presets.members.map(({ name }) => name)

  for (const [given, guess] of [
    ['fedavgg', 'fedavg'],
    ['nothing like it', undefined],
  ] as const)
    test(`"${given}" is answered with all names, once`, () => {
      for (const [changes, path] of [
        [{ strategy: { preset: given } }, 'strategy.preset'],
        [{ strategy: { preset: { name: given } } }, 'strategy.preset.name'],
        [{ model: { name: given } }, 'model.name'],
      ] as const) {
        const [issue, ...more] = issuesOf(changes)
        assert.deepEqual([issue?.[0], more], [path, []])
        const message = issue![1]
        assert.equal(message.match(/expected one of/g)?.length, 1)
        assert.doesNotMatch(message, /Valid/)
        if (path.startsWith('strategy')) {
          for (const name of names) assert.match(message, new RegExp(`\\b${name}\\b`))
          assert.equal(message.match(/\bmedian\b/g)?.length, 1)
          assert.equal(/Did you mean "(.*)"/.exec(message)?.[1], guess)
        }
      }
    })
})
