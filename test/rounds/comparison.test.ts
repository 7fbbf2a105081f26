import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupsTable, runsTable } from '../../src/cli/comparison-text.ts'
import type { BarrierRecord } from '../../src/core/records.ts'
import { compareRuns } from '../../src/rounds/comparison.ts'
import { groupsCsv, runsCsv } from '../../src/rounds/comparison-csv.ts'
import type { Store } from '../../src/rounds/ports.ts'
import { differences, settingsOf, strategyWords } from '../../src/rounds/run-differences.ts'
import { overSeeds } from '../../src/rounds/seeds.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { barrierRecords, roundRecord } from '../helpers/memory-deps.ts'
import { HOLDER } from '../store/samples.ts'

const FILE = {
  name: 'first',
  seed: 1,
  rounds: 2,
  model: { name: 'mlp', hidden: [8, 4] },
  partition: { name: 'iid' },
  local: { epochs: 1, optimizer: { name: 'sgd', learningRate: 0.1 } },
  strategy: { preset: 'fedavg' },
}

const dirichlet = (dirichletAlpha: number) => ({ name: 'dirichlet', dirichletAlpha })

test('what differs is named by its key; a section of another kind is one difference, an option of the same kind another', () => {
  const files = [
    { ...FILE, partition: dirichlet(1) },
    { ...FILE, partition: dirichlet(0.5), seed: 2, name: 'second' },
  ]
  assert.deepEqual(differences(files), [
    { key: 'seed', values: ['1', '2'] },
    { key: 'partition.dirichletAlpha', values: ['1', '0.5'] },
  ])
  const local = { ...FILE.local, epochs: 3, phases: [{ layers: 'fc*', epochs: 1 }] }
  assert.deepEqual(differences([...files, { ...FILE, local, model: { name: 'linear' } }]), [
    { key: 'seed', values: ['1', '2', '1'] },
    { key: 'model', values: ['mlp (hidden: [8, 4])', 'mlp (hidden: [8, 4])', 'linear'] },
    { key: 'partition', values: ['dirichlet (dirichletAlpha: 1)', 'dirichlet (dirichletAlpha: 0.5)', 'iid'] },
    { key: 'local.epochs', values: ['1', '1', '3'] },
    { key: 'local.phases', values: [null, null, '[{ layers: fc*, epochs: 1 }]'] },
  ])
  assert.deepEqual(differences([FILE, { ...FILE, name: 'other', rounds: 9, strategy: {} }]), [])
  assert.deepEqual(differences([{}, undefined]), [])
})

test('a strategy is a preset by its name with its options, and the sections that are written out', () => {
  const words = (strategy?: object) => strategyWords({ ...FILE, strategy })
  assert.equal(words(), 'fedavg')
  assert.equal(words({}), 'fedavg')
  assert.equal(words({ preset: 'fedper' }), 'fedper')
  assert.equal(words({ preset: { name: 'fedper', head: 2 } }), 'fedper (head: 2)')
  assert.equal(words({ server: [{ name: 'adam', learningRate: 0.1 }] }), 'fedavg, server: [adam (learningRate: 0.1)]')
  assert.equal(words({ layers: [{ match: '*', average: 'none' }] }), 'layers: [{ match: *, average: none }]')
  assert.equal(strategyWords(undefined), 'fedavg')
})

test('settings are equal for runs that differ by seed and name alone', () => {
  assert.equal(settingsOf(FILE), settingsOf({ ...FILE, seed: 9, name: 'other' }))
  const turned = Object.fromEntries(Object.entries(FILE).reverse())
  assert.equal(settingsOf(FILE), settingsOf({ ...turned, local: { optimizer: FILE.local.optimizer, epochs: 1 } }))
  assert.notEqual(settingsOf(FILE), settingsOf({ ...FILE, strategy: { preset: 'fedper' } }))
})

test('over seeds: the mean and the deviation of a sample; one value has no deviation, and a missing one no mean', () => {
  const spread = (...values: (number | null)[]) => overSeeds(['x'], values.map(x => ({ x }))).x // biome-ignore format: one line
  assert.deepEqual(spread(1, 2, 3), { mean: 2, standardDeviation: 1 })
  assert.deepEqual(spread(2, 4, 4, 6), { mean: 4, standardDeviation: Math.sqrt(8 / 3) })
  assert.deepEqual(spread(5), { mean: 5, standardDeviation: null })
  assert.deepEqual(spread(1, null), { mean: null, standardDeviation: null })
})

/** Two rounds with accuracy `first` and then 0.5; barriers in round 1 only, of 1/12 for the full path and for fc1. */
async function addRun(store: Store, id: string, changes: object, first: number, clients: number | null) {
  const runFile = { ...FILE, ...changes } as typeof FILE
  const { name, seed, rounds } = runFile
  await store.createRun({ id, name, seed, rounds, runFile, joinTokenHash: '0'.repeat(64), holder: HOLDER })
  for (const round of [1, 2]) {
    const row = (key: string, value: number | null) => {
      return { round, key, value, client: null, layer: null, split: 'test' as const }
    }
    await store.commitRound(id, {
      round: roundRecord(round),
      ...{ updates: [], models: [], barriers: round === 1 ? barrierRecords(1) : [] },
      metrics: [
        ...[row('eval/accuracy', round === 1 ? first : 0.5), row('eval/loss', round), row('eval/models', 1)],
        ...[row('net/bytes_up', 1000 * round), row('net/bytes_down', 500)],
        ...[row('exchange/bytes_up', 800 * round), row('exchange/bytes_down', 400)],
        ...(clients === null ? [] : [row('eval/client/accuracy/mean', clients), row('privacy/epsilon', 1.5 * round)]),
      ],
      checkpoint: { round, file: 'f', sha256: '0'.repeat(64), bytes: 1, stateFile: 's', stateSha256: '0'.repeat(64) },
    })
  }
  await store.updateRun(id, {
    ...{ status: 'completed', startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:00:02.500Z' },
    layers: ['fc1', 'fc2'].map(layer => ({ name: layer, size: 1 })),
  })
}

async function threeRuns(): Promise<Store> {
  const store = memoryStore()
  await addRun(store, 'a', {}, 0.75, 0.25)
  await addRun(store, 'b', { seed: 2 }, 0.25, 0.75)
  await addRun(store, 'c', { strategy: { preset: 'fedper' }, partition: dirichlet(1), name: 'third' }, 0.25, null)
  return store
}

test('a run comes down to its last values, its best, what stood in the way of averaging, traffic and time', async () => {
  const { differing, runs, groups } = await compareRuns(await threeRuns(), ['a', 'b', 'c', 'a'])
  assert.deepEqual(differing, ['seed', 'partition'])
  const barrier = 1 / 3 - 1 / 4 // of the records: 1/3 at the midpoint, ends at 0 and ½
  assert.deepEqual(runs[0], {
    ...{
      run: 'a',
      diverged: 0,
      name: 'first',
      status: 'completed',
      strategy: 'fedavg',
      values: ['1', 'iid'],
      rounds: 2,
      layer: 'fc1',
      between: 'clients',
      split: 'test',
      barrierRound: 1,
      barrierSource: 'run',
      barrierProbe: null,
    },
    ...{
      accuracy: 0.5,
      models: 1,
      clients: null,
      pairs: 1,
      bestAccuracy: 0.75,
      loss: 2,
      clientAccuracy: 0.25,
      epsilon: 3,
      fullBarrier: barrier,
      layerBarrier: barrier,
    },
    ...{ averagedLayers: 1, bytesUp: 1500, bytesDown: 500, exchangedUp: 1200, exchangedDown: 400, seconds: 0.25 },
  })
  assert.deepEqual(
    runs.map(({ run, strategy, values, clientAccuracy }) => [run, strategy, values, clientAccuracy]),
    [
      ['a', 'fedavg', ['1', 'iid'], 0.25],
      ['b', 'fedavg', ['2', 'iid'], 0.75],
      ['c', 'fedper', ['1', 'dirichlet (dirichletAlpha: 1)'], null],
    ],
  )
  assert.deepEqual(
    groups.map(({ runs, seeds, strategy, values, bestAccuracy, clientAccuracy }) => {
      return { runs, seeds, strategy, values, bestAccuracy, clientAccuracy }
    }),
    [
      {
        ...{ runs: ['a', 'b'], seeds: [1, 2], strategy: 'fedavg', values: [null, 'iid'] },
        bestAccuracy: { mean: 0.625, standardDeviation: Math.sqrt(0.03125) },
        clientAccuracy: { mean: 0.5, standardDeviation: Math.sqrt(0.125) },
      },
      {
        ...{ runs: ['c'], seeds: [1], strategy: 'fedper', values: [null, 'dirichlet (dirichletAlpha: 1)'] },
        bestAccuracy: { mean: 0.5, standardDeviation: null },
        clientAccuracy: { mean: null, standardDeviation: null },
      },
    ],
  )
})

test('a run that has measured nothing yet is a line without values, and an unknown one an error', async () => {
  const store = await threeRuns()
  await store.createRun({
    id: 'd',
    name: 'new',
    seed: 1,
    rounds: 3,
    runFile: FILE,
    joinTokenHash: '0'.repeat(64),
    holder: HOLDER,
  })
  const { runs } = await compareRuns(store, ['d'])
  const { accuracy, bestAccuracy, fullBarrier, layer, bytesUp, seconds, rounds } = runs[0]!
  assert.deepEqual([accuracy, bestAccuracy, fullBarrier, layer, bytesUp, seconds, rounds], [null, null, null, null, null, null, 0]) // biome-ignore format: one line
  await assert.rejects(compareRuns(store, ['a', 'x']), { code: 'run_not_found' })
})

test('as CSV: a column for each key that differs, numbers in full, and deviations in columns of their own', async () => {
  const comparison = await compareRuns(await threeRuns(), ['a', 'b', 'c'])
  const lines = (csv: string) => csv.trimEnd().split('\r\n').map(line => line.split(',')) // biome-ignore format: one line
  const [header, first, , third] = lines(runsCsv(comparison))
  assert.deepEqual(header!.slice(0, 15), ['run', 'name', 'status', 'strategy', 'seed', 'partition', 'rounds', 'diverged', 'between', 'split', 'barrierRound', 'barrierSource', 'barrierProbe', 'layer', 'accuracy']) // biome-ignore format: one line
  assert.deepEqual(first!.slice(0, 15), ['a', 'first', 'completed', 'fedavg', '1', 'iid', '2', '0', 'clients', 'test', '1', 'run', '', 'fc1', '0.5']) // biome-ignore format: one line
  assert.equal(third![header!.indexOf('clientAccuracy')], '')
  const [groupHeader, group] = lines(groupsCsv({ ...comparison, groups: comparison.groups.slice(1) }))
  assert.deepEqual(groupHeader!.slice(0, 11), ['runs', 'seeds', 'name', 'strategy', 'partition', 'between', 'split', 'barrierRound', 'barrierSource', 'accuracy', 'accuracy/sd']) // biome-ignore format: one line
  assert.deepEqual(group!.slice(1, 11), ['[1]', 'third', 'fedper', 'dirichlet (dirichletAlpha: 1)', 'clients', 'test', '1', 'run', '0.5', '']) // biome-ignore format: one line
})

/** A barrier of this height between two clients, at the midpoint; its path and layer. */
function barrierOf(round: number, errorBarrier: number, layer: string | null, pair: string): BarrierRecord {
  const [full] = barrierRecords(round)
  const moved = layer === null ? { path: 'full', layer, base: null } : { path: 'layer', layer, base: 1 }
  return { ...full!, ...(moved as Pick<BarrierRecord, 'path' | 'layer' | 'base'>), layers: [layer ?? 'all'], errorBarrier, between: ['client/0', pair] } // biome-ignore format: one line
}

async function addSpans(
  store: Store,
  id: string,
  seed: number,
  spans: readonly [number, number][],
  measured = new Map<number, readonly BarrierRecord[]>(),
) {
  // biome-ignore format: one line
  const runFile = { ...FILE, seed }
  await store.createRun({ id, name: id, seed, rounds: spans.length, runFile, joinTokenHash: '0'.repeat(64), holder: HOLDER }) // biome-ignore format: one line
  for (const [i, [from, to]] of spans.entries()) {
    const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + 1000 * seconds).toISOString()
    const round = i + 1
    await store.commitRound(id, {
      round: { ...roundRecord(round), startedAt: at(from), endedAt: at(to) },
      ...{ updates: [], models: [], barriers: measured.get(round) ?? [] },
      metrics: [{ round, key: 'eval/accuracy', value: to / 1000, client: null, layer: null, split: 'test' }],
      checkpoint: { round, file: 'f', sha256: '0'.repeat(64), bytes: 1, stateFile: 's', stateSha256: '0'.repeat(64) },
    })
  }
}

test('barriers of one line are of one round and one source: a probe fills nothing beside what the run measured', async () => {
  const store = memoryStore()
  const spans = [1, 2, 3].map((round): [number, number] => [round, round + 1])
  await addSpans(store, 'own', 1, spans, new Map([[2, [barrierOf(2, 0.125, null, 'client/1')]]]))
  const line = async (id: string) => {
    const { fullBarrier, layerBarrier, layer, pairs, barrierRound, barrierSource, barrierProbe } = (await compareRuns(store, [id])).runs[0]! // biome-ignore format: one line
    return [fullBarrier, layerBarrier, layer, pairs, barrierRound, barrierSource, barrierProbe]
  }
  const probes = async (id: string) => {
    for (const _ of [1, 2, 3]) await store.createProbe(id, { request: {}, total: 1 })
    await store.addBarriers(id, 1, [barrierOf(3, 0.75, null, 'client/1')])
    const pairs = ['client/1', 'client/2', 'client/3']
    await store.addBarriers(id, 2, pairs.map(pair => barrierOf(2, 0.5, 'fc1', pair))) // biome-ignore format: one line
    await store.addBarriers(id, 3, [barrierOf(3, 0.25, 'fc1', 'client/1')])
  }
  await probes('own')
  assert.deepEqual(await line('own'), [0.125, null, null, 1, 2, 'run', null])
  await addSpans(store, 'none', 2, spans)
  assert.deepEqual(await line('none'), [null, null, null, null, null, null, null])
  await probes('none')
  assert.deepEqual(await line('none'), [0.75, null, null, 1, 3, 'probe', 1], 'not the layer of another probe')
  assert.match(runsTable(await compareRuns(store, ['own', 'none'])), /barrier round\n.* {2}2\n.* {2}3 \(probe 1\)\n$/)
  const [group] = (await compareRuns(store, ['own', 'none'])).groups
  assert.deepEqual([group!.fullBarrier.mean, group!.barrierRound], [null, null], 'no mean of two sources')
})

test('seconds are those of the rounds: overlaps once, a break not; and runs of one seed are one draw', async () => {
  const store = memoryStore()
  // 0–2 and 1–3 overlap; the run then lay idle until 50: 3 + 2 seconds.
  await addSpans(store, 'a', 1, [[0, 2], [1, 3], [50, 52]]) // biome-ignore format: one line
  await addSpans(store, 'again', 1, [[0, 1], [1, 2], [2, 54]]) // biome-ignore format: one line
  await addSpans(store, 'b', 2, [[0, 1], [1, 2], [2, 59]]) // biome-ignore format: one line
  const comparison = await compareRuns(store, ['a', 'again', 'b'])
  assert.deepEqual(comparison.runs.map(({ seconds }) => seconds), [5, 54, 59]) // biome-ignore format: one line
  const [{ seeds, runs, accuracy, seconds }] = comparison.groups as [(typeof comparison.groups)[number]]
  assert.deepEqual([seeds, runs], [[1, 2], ['a', 'again', 'b']]) // biome-ignore format: one line
  // Of seed 1 the mean of 0.052 and 0.054, of seed 2 0.059: two values, half their difference apart from the mean.
  assert.ok(Math.abs(accuracy.mean! - 0.056) < 1e-12)
  assert.ok(Math.abs(accuracy.standardDeviation! - 0.006 / Math.SQRT2) < 1e-12)
  assert.equal(seconds.mean, (29.5 + 59) / 2)
  const [alone] = (await compareRuns(store, ['a', 'again'])).groups
  assert.equal(alone!.accuracy.standardDeviation, null, 'one seed has no spread, run as often as you like')
  assert.match(groupsTable(comparison), / 2 \(3 runs\) /)
})
