import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barrierMatrix, matrixQuestion } from '../../src/analysis/barrier-matrix.ts'
import type { BarrierRecord } from '../../src/core/records.ts'

const LAYERS = ['fc1', 'fc2']
const ask = (changes: object = {}) => matrixQuestion.parse(changes)

/** Endpoint error 0.25 and 0.75, so that a midpoint of 0.5 + h is a barrier of h; the loss is ten times as much. */
function barrier(round: number, path: 'full' | 'layer' | 'cumulative', height: number | null, more: object = {}) {
  const error = [0.25, height === null ? null : 0.5 + height, 1]
  const tenfold = (values: (number | null)[]) => values.map(value => (value === null ? null : 10 * value))
  return {
    ...{ round, path, layer: null, layers: LAYERS, order: null, base: null, split: 'test' },
    ...{ between: ['client/0', 'client/1'], interpolation: [0, 0.5, 1] },
    ...{ error, loss: tenfold(error), endpointError: [0.25, 0.75], endpointLoss: [2.5, 7.5] },
    ...{ errorBarrier: height, lossBarrier: height === null ? null : 10 * height },
    ...more,
  } as BarrierRecord
}

const layer = (round: number, name: string, base: 1 | 2, height: number | null, more: object = {}) =>
  barrier(round, 'layer', height, { layer: name, layers: [name], base, ...more })

const HISTORY = [
  barrier(4, 'full', 0.125),
  ...[layer(4, 'fc2', 1, -0.125), layer(4, 'fc2', 2, 0.25), layer(4, 'fc1', 1, 0.5), layer(4, 'fc1', 2, 0.25)],
  barrier(2, 'full', -0.25),
  ...[layer(2, 'fc1', 1, 0.125), layer(2, 'fc1', 2, 0.375)],
]

test('rows are full and the layers from input to output, columns the rounds; the two bases are averaged', () => {
  assert.deepEqual(barrierMatrix(HISTORY, LAYERS, ask()), {
    rows: ['full', 'fc1', 'fc2'],
    rounds: [2, 4],
    values: [
      [-0.25, 0.125],
      [0.25, 0.375],
      [null, 0.0625], // fc2 was not measured in round 2
    ],
    pairs: [[1, 1], [1, 1], [0, 1]], // biome-ignore format: a matrix
    probes: [[null, null], [null, null], [null, null]], // biome-ignore format: a matrix
  })
})

test('one base, or the larger of both; the full barrier has none and is always there', () => {
  const values = (base: string) => barrierMatrix(HISTORY, LAYERS, ask({ base })).values
  assert.deepEqual(values('1'), [[-0.25, 0.125], [0.125, 0.5], [null, -0.125]]) // biome-ignore format: a matrix
  assert.deepEqual(values('2'), [[-0.25, 0.125], [0.375, 0.25], [null, 0.25]]) // biome-ignore format: a matrix
  assert.deepEqual(values('max'), [[-0.25, 0.125], [0.375, 0.5], [null, 0.25]]) // biome-ignore format: a matrix
})

test('the larger base is taken in each pair, and pairs are averaged after that', () => {
  const second = { between: ['client/2', 'client/3'] }
  const records = [
    ...[layer(1, 'fc1', 1, 0.5), layer(1, 'fc1', 2, 0)],
    ...[layer(1, 'fc1', 1, -0.25, second), layer(1, 'fc1', 2, 0.25, second)],
  ]
  assert.deepEqual(barrierMatrix(records, LAYERS, ask({ base: 'max' })).values, [[null], [0.375]])
  assert.deepEqual(barrierMatrix(records, LAYERS, ask({ base: 'mean' })).values, [[null], [0.125]])
})

test('the measure, the split and what was compared are those asked for', () => {
  const others = [
    barrier(2, 'full', 0.5, { split: 'train' }),
    barrier(2, 'full', 0.375, { between: ['client/0', 'global'] }),
    barrier(2, 'full', 0.25, { path: 'window', layer: 'fc1', base: 1 }),
  ]
  const only = (changes: object) => barrierMatrix([...others, ...HISTORY], LAYERS, ask(changes)).values
  assert.deepEqual(only({ value: 'loss' }), [[-2.5, 1.25], [2.5, 3.75], [null, 0.625]]) // biome-ignore format: a matrix
  assert.deepEqual(only({ split: 'train' }), [[0.5]])
  assert.deepEqual(only({ between: 'global' }), [[0.375]])
})

test('a client and its beginning are not a pair of clients', () => {
  const init = barrier(2, 'full', 0.375, { between: ['client/0', 'init'] })
  assert.deepEqual(barrierMatrix([init], LAYERS, ask()).rounds, [])
  assert.deepEqual(barrierMatrix([...HISTORY, init], LAYERS, ask({ between: 'init' })).values, [[0.375]])
})

test('how far the two models are apart has no height: it is averaged as it was stored', () => {
  const records = [
    barrier(1, 'full', 0.5, { distance: 5, cosine: -0.5 }),
    barrier(1, 'full', 0.5, { distance: 1, cosine: null, between: ['client/2', 'client/3'] }),
    ...([1, 2] as const).map(base => layer(1, 'fc1', base, 0.5, { distance: 3, cosine: 0.25 })),
  ]
  const only = (changes: object) => barrierMatrix(records, LAYERS, ask(changes)).values
  assert.deepEqual(only({ value: 'distance', height: 'swap' }), [[3], [3]])
  assert.deepEqual(only({ value: 'cosine' }), [[null], [0.25]])
})

test('a height by another definition comes from the curve', () => {
  // The far end is the base with the layer swapped: 1 of base 1, 0.25 of base 2, above the ends' mean of 0.5.
  const matrix = barrierMatrix(HISTORY, LAYERS, ask({ height: 'swap', base: '1' }))
  assert.deepEqual(matrix.values, [[null, null], [0.5, 0.5], [null, 0.5]]) // biome-ignore format: a matrix
})

test('layers of a cumulative path are in the order in which they joined, of the order asked for', () => {
  const joined = (order: string, layers: readonly string[], height: number) =>
    [1, 2].map(base => barrier(3, 'cumulative', height, { order, base, layer: layers.at(-1), layers }))
  const records = [
    ...[joined('deep', ['fc2'], 0.25), joined('deep', ['fc2', 'fc1'], 0.5)].flat(),
    ...[joined('shallow', ['fc1'], -0.25), joined('shallow', ['fc1', 'fc2'], 0.5)].flat(),
  ]
  const shown = (order: string) => {
    const { rows, rounds, values } = barrierMatrix(records, LAYERS, ask({ path: 'cumulative', order }))
    return { rows, rounds, values }
  }
  assert.deepEqual(shown('deep'), { rows: ['full', 'fc2', 'fc1'], rounds: [3], values: [[null], [0.25], [0.5]] })
  assert.deepEqual(shown('shallow'), { rows: ['full', 'fc1', 'fc2'], rounds: [3], values: [[null], [-0.25], [0.5]] })
})

test('one model that left the finite numbers makes its cell null, not the mean of the others', () => {
  const records = [layer(1, 'fc1', 1, 0.5), layer(1, 'fc1', 2, null)]
  for (const base of ['mean', 'max', '2'])
    assert.deepEqual(barrierMatrix(records, LAYERS, ask({ base })).values, [[null], [null]], base)
  assert.deepEqual(barrierMatrix(records, LAYERS, ask({ base: '1' })).values, [[null], [0.5]])
})

test('where nothing was measured the matrix is empty; layers that the run does not name come as they appear', () => {
  assert.deepEqual(barrierMatrix([], LAYERS, ask()), {
    rows: ['full'],
    rounds: [],
    values: [[]],
    pairs: [[]],
    probes: [[]],
  })
  assert.deepEqual(barrierMatrix(HISTORY, [], ask()).rows, ['full', 'fc2', 'fc1'])
})
