import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRunFile } from '../../src/rounds/run-file.ts'
import { planStudy, studySchema } from '../../src/rounds/study.ts'

const BASE = {
  name: 'base',
  seed: 9,
  rounds: 2,
  model: { name: 'mlp', hidden: [8] },
  data: { name: 'synthetic' },
  clients: { total: 4 },
  local: { epochs: 1 },
}

const study = (changes: object = {}) =>
  studySchema.parse({
    name: 'study',
    run: 'base.yaml',
    variants: { 'all layers': {}, FedPer: { strategy: { preset: 'fedper' }, 'local.epochs': 3 } },
    conditions: { even: {}, uneven: { partition: { name: 'dirichlet', dirichletAlpha: 0.1 }, 'local.epochs': 2 } },
    seeds: [1, 4],
    ...changes,
  })

test('a study is every variant under every condition with every seed; a variant has the last word', () => {
  const plan = planStudy(study(), BASE)
  const told = plan.map(({ variant, condition, seed, runFile }) => {
    const { name, seed: used, local, strategy, partition } = parseRunFile(runFile)
    assert.equal(used, seed)
    return [variant, condition, seed, name, local.epochs, strategy.preset, partition.name]
  })
  const name = (variant: string, condition: string) => `study: ${variant}, ${condition}`
  assert.deepEqual(told, [
    ['all layers', 'even', 1, name('all layers', 'even'), 1, undefined, 'iid'],
    ['all layers', 'even', 4, name('all layers', 'even'), 1, undefined, 'iid'],
    ['FedPer', 'even', 1, name('FedPer', 'even'), 3, 'fedper', 'iid'],
    ['FedPer', 'even', 4, name('FedPer', 'even'), 3, 'fedper', 'iid'],
    ['all layers', 'uneven', 1, name('all layers', 'uneven'), 2, undefined, 'dirichlet'],
    ['all layers', 'uneven', 4, name('all layers', 'uneven'), 2, undefined, 'dirichlet'],
    ['FedPer', 'uneven', 1, name('FedPer', 'uneven'), 3, 'fedper', 'dirichlet'],
    ['FedPer', 'uneven', 4, name('FedPer', 'uneven'), 3, 'fedper', 'dirichlet'],
  ])
})

test('a change that makes no run file is refused before anything runs, with its combination and its key', () => {
  const wrong = study({ variants: { fine: {}, odd: { 'local.epoch': 2 } } })
  assert.throws(() => planStudy(wrong, BASE), {
    code: 'run_file_invalid',
    message: /odd, even.*local\.epoch: unknown/s,
  })
  assert.throws(() => planStudy(study({ variants: { odd: { 'rounds.x': 2 } } }), BASE), { code: 'input_invalid' })
})

test('a study without variants, with a seed twice, or with a key of its own is none', () => {
  for (const changes of [{ variants: {} }, { seeds: [1, 1] }, { seeds: [] }, { extra: 1 }, { conditions: undefined }])
    assert.throws(() => study(changes), JSON.stringify(changes))
})
