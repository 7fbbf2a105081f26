import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BarrierRecord, MetricRecord } from '../../src/core/records.ts'
import { curvesQuestion, readBarrierCurves } from '../../src/rounds/barrier-curves.ts'
import { courseQuestion, readCourses } from '../../src/rounds/courses.ts'
import { cumulativeQuestion, readCumulativeBarriers } from '../../src/rounds/cumulative-barriers.ts'
import type { Store } from '../../src/rounds/ports.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { addRun, roundRecord } from '../helpers/memory-deps.ts'

const PAIRS = [
  ['client/0', 'client/1'],
  ['client/2', 'client/3'],
]

/** Both ends at 0.25, `inner` between them. */
function curve(path: BarrierRecord['path'], layers: readonly string[], base: 1 | 2 | null, inner: number, more = {}) {
  const error = [0.25, inner, 0.25]
  return {
    ...{ path, layers, base, layer: path === 'full' ? null : layers.at(-1), order: null, split: 'test' },
    ...{ between: PAIRS[0], interpolation: [0, 0.5, 1], error, loss: error.map(value => 2 * value) },
    ...{ endpointError: [0.25, 0.25], endpointLoss: [0.5, 0.5], errorBarrier: inner - 0.25, lossBarrier: 0 },
    ...{ distance: null, cosine: null },
    ...more,
  }
}

async function storeWith(
  rounds: Readonly<Record<number, { barriers?: object[]; metrics?: object[] }>>,
): Promise<Store> {
  const store = memoryStore()
  await addRun(store, 'a')
  await store.updateRun('a', { layers: ['fc1', 'fc2'].map(name => ({ name, size: 1 })) })
  for (const [key, { barriers = [], metrics = [] }] of Object.entries(rounds)) {
    const round = Number(key)
    await store.commitRound('a', {
      round: roundRecord(round),
      ...{ updates: [], models: [] },
      barriers: barriers.map(barrier => ({ ...barrier, round }) as BarrierRecord),
      metrics: metrics.map(metric => ({ client: null, layer: null, split: 'test', ...metric, round }) as MetricRecord),
      checkpoint: { round, file: 'f', sha256: '0'.repeat(64), bytes: 1, stateFile: 's', stateSha256: '0'.repeat(64) },
    })
  }
  return store
}

const second = { between: PAIRS[1] }

test('curves are those of the last round, the mean over pairs, the full path first and layers from input to output', async () => {
  const store = await storeWith({
    1: { barriers: [curve('full', [], null, 0.75)] },
    2: {
      barriers: [
        ...[curve('full', [], null, 0.5), curve('full', [], null, 0.25, second)],
        ...[
          curve('layer', ['fc2'], 1, 0.5),
          curve('layer', ['fc2'], 1, 0.125, { ...second, error: [0.25, null, 0.25] }),
        ],
        ...[curve('layer', ['fc1'], 1, 0.75), curve('layer', ['fc1'], 2, 0.125)],
        curve('full', [], null, 0.875, { between: ['client/0', 'global'] }),
        curve('cumulative', ['fc1'], 1, 0.875, { order: 'shallow' }),
      ],
    },
  })
  const { round, panels } = await readBarrierCurves(store, 'a', curvesQuestion.parse({}))
  const interpolation = [0, 0.5, 1]
  const full = { layer: null, interpolation, values: [0.25, 0.375, 0.25] }
  assert.equal(round, 2)
  assert.deepEqual(panels, [
    {
      base: '1',
      curves: [
        full,
        { layer: 'fc1', interpolation, values: [0.25, 0.75, 0.25] },
        { layer: 'fc2', interpolation, values: [0.25, null, 0.25] },
      ],
    },
    { base: '2', curves: [full, { layer: 'fc1', interpolation, values: [0.25, 0.125, 0.25] }] },
  ])
  const asked = await readBarrierCurves(store, 'a', curvesQuestion.parse({ round: '1', value: 'loss', base: '2' }))
  assert.deepEqual(asked.panels, [{ base: '2', curves: [{ layer: null, interpolation, values: [0.5, 1.5, 0.5] }] }])
  const only = await readBarrierCurves(store, 'a', curvesQuestion.parse({ layers: 'fc2', base: '1' }))
  assert.deepEqual(
    only.panels[0]!.curves.map(({ layer }) => layer),
    [null, 'fc2'],
  )
})

test('of a path that a probe measured again on a finer grid, the finer one is shown, and only if it is the same curve', async () => {
  const fine = { interpolation: [0, 0.25, 0.5, 0.75, 1], error: [0.25, 1, 0.5, 3, 0.25], probe: 1 }
  const shown = async (more: object) => {
    const loss = fine.error.map(value => 2 * value)
    const probed = curve('full', [], null, 0.5, { ...fine, loss, ...more })
    const store = await storeWith({ 1: { barriers: [curve('full', [], null, 0.5), probed] } })
    const { panels } = await readBarrierCurves(store, 'a', curvesQuestion.parse({ base: '1' }))
    return panels[0]!.curves
  }
  const coarse = { layer: null, interpolation: [0, 0.5, 1], values: [0.25, 0.5, 0.25] }
  assert.deepEqual(await shown({}), [{ layer: null, interpolation: fine.interpolation, values: fine.error }])
  // On other examples, or of another pair: not the curve that the run measured.
  assert.deepEqual(await shown({ endpointError: [0.25, 0.5] }), [coarse])
  assert.deepEqual(await shown({ error: [0.25, 1, 0.5000001, 3, 0.25] }), [coarse])
  assert.deepEqual(await shown(second), [coarse])
})

test('a question about barriers that are not there is told which are', async () => {
  const store = await storeWith({
    ...{ 1: {}, 2: { barriers: [curve('full', [], null, 0.5)] }, 3: { barriers: [curve('layer', ['fc1'], 1, 0.5)] } },
    ...{ 7: { barriers: [curve('cumulative', ['fc2'], 1, 0.5, { order: 'deep' })] } },
  })
  const curves = (query: object) => readBarrierCurves(store, 'a', curvesQuestion.parse(query))
  const cumulative = (query: object) => readCumulativeBarriers(store, 'a', cumulativeQuestion.parse(query))
  const refused = (promise: Promise<unknown>, message: RegExp) =>
    assert.rejects(promise, { code: 'barriers_missing', message })
  await refused(curves({ round: 1 }), /rounds with barriers \(clients, test split\): 2-3, got round 1/)
  await refused(curves({ split: 'train' }), /got a run without.*fedstrata probe/)
  await refused(curves({ round: 3, layers: 'fc1,fc9' }), /layers with curves: fc1, got fc9/)
  await refused(cumulative({ rounds: '6-8' }), /: 7, got round 6/)
  await refused(cumulative({ orders: 'deep,shallow' }), /orders that were measured: deep, got shallow/)
  await refused(cumulative({ between: 'global' }), /got a run without/)
  await assert.rejects(readBarrierCurves(store, 'b', curvesQuestion.parse({})), { code: 'run_not_found' })
})

test('cumulative barriers have a line for each order and round, by the number of layers that have joined', async () => {
  const steps = (order: string, layers: readonly string[], [one, two]: readonly number[], more = {}) =>
    ([1, 2] as const).flatMap(base => [
      curve('cumulative', layers.slice(0, 1), base, one! / base, { order, ...more }),
      curve('cumulative', layers, base, two!, { order, ...more }),
    ])
  const barriers = [...steps('deep', ['fc2', 'fc1'], [0.5, 0.75]), ...steps('deep', ['fc2', 'fc1'], [1, 0.25], second)]
  const store = await storeWith({
    1: { barriers: steps('shallow', ['fc1', 'fc2'], [0.5, 0.25]) },
    2: { barriers: [...barriers, ...steps('shallow', ['fc1', 'fc2'], [1, 0.5]), curve('full', [], null, 0.75)] },
  })
  const line = (order: string, round: number, values: number[]) => {
    const layers = order === 'deep' ? ['fc2', 'fc1'] : ['fc1', 'fc2']
    return { order, round, layers, values }
  }
  const last = await readCumulativeBarriers(store, 'a', cumulativeQuestion.parse({}))
  assert.deepEqual(last.rounds, [2])
  assert.deepEqual(last.panels, [
    { base: '1', lines: [line('shallow', 2, [0.75, 0.25]), line('deep', 2, [0.5, 0.25])] },
    { base: '2', lines: [line('shallow', 2, [0.25, 0.25]), line('deep', 2, [0.125, 0.25])] },
  ])
  const both = await readCumulativeBarriers(
    store,
    'a',
    cumulativeQuestion.parse({ rounds: '1-2', orders: 'shallow', base: 'max' }),
  )
  assert.deepEqual(both.panels, [
    { base: 'max', lines: [line('shallow', 1, [0.25, 0]), line('shallow', 2, [0.75, 0.25])] },
  ])
})

test('a course has a point for every evaluated round, without a value where it was not finite', async () => {
  const store = await storeWith({
    1: {
      metrics: [
        { key: 'eval/accuracy', value: 0.5 },
        { key: 'eval/loss', value: null },
      ],
    },
    2: { metrics: [{ key: 'eval/client/accuracy', client: 1, value: 0.125 }] },
    3: {
      metrics: [
        { key: 'eval/accuracy', value: 0.75 },
        { key: 'eval/loss', value: 1 },
        { key: 'eval/models', value: 3 },
      ],
    },
  })
  await addRun(store, 'b')
  const read = (query: object) => readCourses(store, ['a', 'b', 'a'], courseQuestion.parse(query))
  const courses = (points: object[]) => [
    { run: 'a', name: 'run a', points },
    { run: 'b', name: 'run b', points: [] },
  ]
  assert.deepEqual(await read({}), {
    value: 'accuracy',
    panels: [
      {
        on: 'test',
        courses: courses([
          { round: 1, value: 0.5, over: null },
          { round: 3, value: 0.75, over: 3 },
        ]),
      },
    ],
  })
  const loss = await read({ value: 'loss' })
  assert.deepEqual(loss.panels[0]!.courses[0]!.points, [
    { round: 1, value: null, over: null },
    { round: 3, value: 1, over: 3 },
  ])
  await assert.rejects(readCourses(store, ['a', 'c'], courseQuestion.parse({})), { code: 'run_not_found' })
})
