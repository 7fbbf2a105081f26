import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeepModels, keepModelsSchema, keptClients } from '../../src/analysis/keep-models.ts'
import { keptOf } from '../../src/rounds/compared.ts'
import { parseRunFile } from '../../src/rounds/run-file.ts'

const RUN_FILE = {
  name: 'kept',
  seed: 5,
  rounds: 4,
  model: { name: 'linear' },
  data: { name: 'synthetic', classes: 2, dimension: 3, train: 40, test: 20 },
  clients: { total: 8, perRound: 6 },
}

const keep = (input: unknown): KeepModels => keepModelsSchema.parse(input)
const never = (): readonly number[] => assert.fail('asked for the probed clients')

test('what is kept of a cohort: nothing by default, all, the first few of every so many rounds', () => {
  const cohort = [7, 2, 5]
  assert.deepEqual(keptClients(keep(undefined), 1, cohort, never), [])
  assert.deepEqual(keptClients(keep('all'), 1, cohort, never), [2, 5, 7])
  const some = keep({ every: 3, clients: 2 })
  const kept = [1, 2, 3, 6].map(round => keptClients(some, round, cohort, never))
  assert.deepEqual(kept, [[], [], [2, 5], [2, 5]])
  assert.deepEqual(keptClients(keep({ every: 2 }), 2, cohort, never), [2, 5, 7])
  assert.throws(() => keep({ every: 0 }))
  assert.throws(() => keep({ each: 1 }))
})

test('"probed" keeps the clients that the probes of a round compare, and none in rounds without probes', () => {
  const cohort = [0, 2, 3, 4, 6, 7]
  const kept = (barriers: object, round: number) =>
    keptOf(parseRunFile({ ...RUN_FILE, barriers: { keepModels: 'probed', ...barriers } }))(round, cohort)
  const pair = kept({}, 1)
  assert.equal(pair.length, 2)
  assert.ok(pair.every(client => cohort.includes(client)) && pair[0]! < pair[1]!)
  assert.deepEqual(kept({ every: 2 }, 1), [])
  assert.equal(kept({ between: 'global', pairs: 3 }, 1).length, 3)
  assert.deepEqual(kept({ between: ['clients', 'group'] }, 1), cohort)
})
