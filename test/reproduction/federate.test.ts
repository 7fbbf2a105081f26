import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { startCoordinator } from '../../src/main/coordinator.ts'
import { simulate } from '../../src/main/simulate.ts'
import { createBench } from '../../src/reproduction/tasks/bench.ts'
import { federate } from '../../src/reproduction/tasks/federate.ts'

/** Skewed clients, a layer that stays local, and momentum that is kept: everything that a client's state can hold. */
const RUN = {
  model: { name: 'mlp', hidden: [8], init: 'heNormal' },
  data: { name: 'synthetic', classes: 4, dimension: 12, train: 400, test: 200, spread: 2, seed: 0 },
  partition: { name: 'classes', classesPerClient: 2 },
  local: {
    epochs: 2,
    batchSize: 16,
    memory: 'keep',
    optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 },
    schedule: { name: 'cosine', warmup: 6 },
  },
  layers: [{ match: 'fc2', average: 'none' as const }, { match: '*' }],
} as const

test('a federation gives the accuracies of the same run with coordinator, sockets and client processes, to the bit', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'fedstrata-federate-'))
  const coordinator = await startCoordinator({ host: '127.0.0.1', port: 0, dataDir, engine: 'wasm' })
  t.after(async () => {
    await coordinator.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const { model, data, partition, local, layers } = RUN
  const input = {
    ...{ name: 'federate', seed: 7, rounds: 3, model, data, partition, local },
    clients: { total: 4 },
    strategy: { layers },
    barriers: { every: 0 },
  }
  const { run, outcome, error } = await simulate(coordinator, input, { workers: 2, engine: 'wasm' })
  assert.equal(outcome, 'completed', error?.message)
  const { items } = await coordinator.store.metrics(run, { key: 'eval/client/accuracy/mean', limit: 10 })

  await prepareEngine('wasm')
  const federation = await federate(createBench(), {
    ...{ model: { ...model, hidden: [...model.hidden] }, data, partition, layers },
    ...{ clients: 4, rounds: 3, plan: local, seed: 7, every: 1 },
  })
  assert.deepEqual(
    federation.accuracy,
    items.map(({ value }) => value),
  )
  assert.ok(federation.accuracy.at(-1)! > 0.6, 'it learned something')
})
