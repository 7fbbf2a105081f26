import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { type LayerLayout, view } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { systemClock } from '../../src/main/clock.ts'
import { averageRound } from '../../src/rounds/close-round.ts'
import { startRounds } from '../../src/rounds/engine.ts'
import { policyOf, taskContext, taskFor } from '../../src/rounds/plan-round.ts'
import type { GatewayEvents, RoundCommit, Task } from '../../src/rounds/ports.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { openSession } from '../../src/rounds/session.ts'

// What each method saves, against closed forms: 4 bytes a weight, times clients, times the layers that have to travel.

/** Values of the layers of 4-5-3, and of both. */
const [FC1, FC2] = [4 * 5 + 5, 5 * 3 + 3]
const ALL = FC1 + FC2

const SEED = 3
const runFileWith = (changes: object) =>
  parseRunFile({
    ...{ name: 'exchanged', seed: SEED, rounds: 4, model: { name: 'mlp', hidden: [5] } },
    data: { name: 'synthetic', classes: 3, dimension: 4, train: 60, test: 30 },
    clients: { total: 3, perRound: 3 },
    round: { quorum: 3 },
    barriers: { every: 0 },
    ...changes,
  })

/** A client's model: the global one, on which all agree in fc1 and nobody in fc2. */
function madeUp({ blocks }: LayerLayout, { server, reply, extras = [], client, round }: Task) {
  const segments = new Map<string, Float32Array>()
  for (const block of blocks) {
    if (!reply.includes(block.name)) continue
    const rng = createRng(block.name === 'fc1' ? 0 : 10 * round + client)
    segments.set(
      `block/${block.name}`,
      view(server.params, block).map(value => value + normal(rng)),
    )
  }
  for (const { name, size } of extras) segments.set(name, new Float32Array(size))
  return segments
}

/** What a run's rounds leave in the database, its clients' training made up; nothing is sent anywhere. */
async function commitsOf(changes: object): Promise<readonly RoundCommit[]> {
  const runFile = runFileWith(changes)
  const session = await openSession(runFile)
  const { layout } = session
  const context = taskContext(runFile, layout, session.clients)
  const commits: RoundCommit[] = []
  let events: GatewayEvents | undefined
  const answer = (process: string, task: Task) => {
    const { round, attempt, client } = task
    const told = { client, process, fingerprint: '', numExamples: 10, trainLoss: 0, steps: 1, trainMs: 1 }
    const update = { ...told, segments: madeUp(layout, task), bytes: 0, openedAt: 0, release() {} }
    void events!.update({ round, attempt, client }, update)
  }
  const engine = startRounds(
    {
      ...{ id: 'run', layout, deadlineMs: 60_000, server: session.initial(), policy: policyOf(context) },
      kept: () => [],
      task: (key, server) => taskFor(key, server, context),
    },
    {
      store: { commitRound: async (_, commit) => void commits.push(commit) },
      checkpoints: {
        save: async (_, { round }) => ({ round, file: '', sha256: '', bytes: 0, stateFile: '', stateSha256: '' }),
        saveModel: async (_, { round, client }) => ({ round, client, file: '', sha256: '', bytes: 0 }),
        prune: async () => {},
      },
      clock: systemClock,
      average: async job => (await averageRound(session, job)).result,
      measure: async () => ({ evaluation: null, metrics: [], barriers: [], evaluateMs: 0, probeMs: 0 }),
      openGateway: given => {
        events = given
        return { assign: answer, withdraw() {}, end() {}, bytesDown: () => 0 }
      },
      notify() {},
    },
  )
  events!.joined('p', 10)
  const { error } = await engine.ended
  session.dispose()
  assert.equal(error, null)
  return commits
}

/** Weights that travel in each round, clients together. */
function weights(commits: readonly RoundCommit[], key: 'exchange/bytes_up' | 'exchange/bytes_down') {
  return commits.map(({ metrics }) => metrics.find(row => row.key === key)!.value! / 4)
}

const rounds = (...each: readonly number[]) => each.map(size => 3 * size)

before(() => prepareEngine('wasm'))

describe('what a method exchanges', () => {
  const cases: Readonly<Record<string, { strategy: object; up: number[]; down: number[] }>> = {
    FedAvg: { strategy: { preset: 'fedavg' }, up: rounds(ALL, ALL, ALL, ALL), down: rounds(ALL, ALL, ALL, ALL) },
    FedPer: { strategy: { preset: 'fedper' }, up: rounds(FC1, FC1, FC1, FC1), down: rounds(FC1, FC1, FC1, FC1) },
    FedBABU: { strategy: { preset: 'fedbabu' }, up: rounds(FC1, FC1, FC1, FC1), down: rounds(FC1, FC1, FC1, FC1) },
    // All agree in fc1: from the second round, in which that is found out, it is averaged every other round. After a round without,
    // clients go on with their own.
    FedLAMA: {
      strategy: { preset: { name: 'fedlama', interval: 1, factor: 2 } },
      up: rounds(ALL, ALL, FC2, ALL),
      down: rounds(ALL, ALL, ALL, FC2),
    },
    'one layer a round': {
      strategy: { layers: [{ match: '*', pick: 'roundRobin' }] },
      up: rounds(FC1, FC2, FC1, FC2),
      down: rounds(ALL, FC1, FC2, FC1),
    },
    // Control variates as large as the model; there are none to be told of in the first round.
    SCAFFOLD: {
      strategy: { preset: 'scaffold' },
      up: rounds(2 * ALL, 2 * ALL, 2 * ALL, 2 * ALL),
      down: rounds(ALL, 2 * ALL, 2 * ALL, 2 * ALL),
    },
    // A client mixes its own head with the global one, and keeps to itself by which weights.
    FedALA: {
      strategy: { preset: { name: 'fedala', head: 1 } },
      up: rounds(ALL, ALL, ALL, ALL),
      down: rounds(ALL, ALL, ALL, ALL),
    },
    // A mix comes down in place of the global layers.
    pFedLA: { strategy: { preset: 'pfedla' }, up: rounds(ALL, ALL, ALL, ALL), down: rounds(ALL, ALL, ALL, ALL) },
    // The whole model is put in order, and what stays with the client comes back in that order.
    'FedPer, aligned': {
      strategy: { preset: 'fedper', align: { name: 'weightMatching', to: 'global' } },
      up: rounds(ALL, ALL, ALL, ALL),
      down: rounds(FC1, ALL, ALL, ALL),
    },
  }
  for (const [name, { strategy, up, down }] of Object.entries(cases))
    test(`${name}: layers that stay with a client are not in it`, async () => {
      const commits = await commitsOf({ strategy })
      assert.deepEqual([weights(commits, 'exchange/bytes_up'), weights(commits, 'exchange/bytes_down')], [up, down])
    })

  test('FedLP: layers in which a client takes no part are got, and not sent', async () => {
    const commits = await commitsOf({ strategy: { preset: { name: 'fedlp', keep: 0.5 } } })
    const rng = createRng(SEED)
    const drawn = [1, 2, 3, 4].map(round => {
      let sum = 0
      for (const [block, size] of Object.entries({ fc1: FC1, fc2: FC2 }))
        for (const client of [0, 1, 2])
          if (rng.fork(`participation/${round}/${block}/${client}`).next() < 0.5) sum += size
      return sum
    })
    assert.ok(drawn.some(sum => sum > 0 && sum < 3 * ALL))
    assert.deepEqual(weights(commits, 'exchange/bytes_up'), drawn)
    assert.deepEqual(weights(commits, 'exchange/bytes_down'), rounds(ALL, ALL, ALL, ALL))
  })

  test('averaging by barriers needs every layer of every client when it measures, and the averaged ones else', async () => {
    const commits = await commitsOf({ strategy: { select: { name: 'barrier', threshold: 0, every: 2 } } })
    const sizes: Readonly<Record<string, number>> = { fc1: FC1, fc2: FC2 }
    const averaged = commits.map(({ round }) => round.averaged.reduce((sum, layer) => sum + 3 * sizes[layer]!, 0))
    assert.deepEqual(weights(commits, 'exchange/bytes_up'), [3 * ALL, averaged[1], 3 * ALL, averaged[3]])
    assert.ok(averaged.some(sum => sum < 3 * ALL))
  })

  test('independent starts are drawn by the clients, and got from nobody', async () => {
    const commits = await commitsOf({ clients: { total: 3, perRound: 3, init: 'independent' } })
    assert.deepEqual(weights(commits, 'exchange/bytes_down'), rounds(0, ALL, ALL, ALL))
  })

  test('a layer that nobody trains or averages never travels at all', async () => {
    const commits = await commitsOf({ strategy: { preset: 'fedbabu' } })
    assert.deepEqual(
      commits.flatMap(({ updates }) => updates.map(({ bytesDown }) => bytesDown)),
      new Array(12).fill(0),
    )
  })
})
