import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deepLinearChecks } from '../../src/analysis/deep-linear.ts'
import { interpolationGrid } from '../../src/analysis/interpolate.ts'
import { pathSpecs } from '../../src/analysis/paths/registry.ts'
import { probeBarriers } from '../../src/analysis/probe.ts'
import { layoutOf, type Params } from '../../src/core/layout.ts'
import { createRng, normal, shuffle } from '../../src/core/rng.ts'
import { lossOnly } from './toys.ts'

/**
 * Theorem 4.1 of Adilova et al. 2024: the squared loss of a deep linear network X W1 W2 W3 is convex along any single
 * layer, whatever the others are, and along all layers at once it is not. Both ends fit the data exactly: B is A with
 * its hidden units in another order.
 */
const WIDTHS = [8, 8, 8, 3]
const EXAMPLES = 200
const GRID = interpolationGrid(11)
/** Weights on the path are rounded to float32. */
const FLOAT32 = 1e-3

const layout = layoutOf(
  [1, 2, 3].map(i => ({
    name: `fc${i}/kernel`,
    shape: [WIDTHS[i - 1]!, WIDTHS[i]!],
    kind: 'kernel',
    trainable: true,
  })),
)

function network(seed: number) {
  const rng = createRng(seed)
  const a = Float32Array.from({ length: layout.size }, () => normal(rng) / Math.sqrt(8))
  const b = reorderHidden(a, [1, 2].map(() => shuffle(rng, [0, 1, 2, 3, 4, 5, 6, 7])) as [number[], number[]])
  const inputs = Float64Array.from({ length: EXAMPLES * 8 }, () => normal(rng))
  const targets = outputs(inputs, a)
  const evaluate = lossOnly(params => {
    const predicted = outputs(inputs, params)
    return predicted.reduce((sum, value, i) => sum + (value - targets[i]!) ** 2, 0) / EXAMPLES
  })
  return { a, b, evaluate }
}

function outputs(inputs: Float64Array, params: Params): Float64Array {
  return layout.blocks.reduce((activations, { index, offset }) => {
    const [rows, columns] = [WIDTHS[index]!, WIDTHS[index + 1]!]
    const next = new Float64Array(EXAMPLES * columns)
    for (let n = 0; n < EXAMPLES; n++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++)
          next[n * columns + j]! += activations[n * rows + i]! * params[offset + i * columns + j]!
    return next
  }, inputs)
}

/** Columns of one factor and rows of the next in another order: the same function. */
function reorderHidden(params: Params, orders: readonly [number[], number[]]): Params {
  const identity = [0, 1, 2, 3, 4, 5, 6, 7]
  const from = [identity, ...orders, identity]
  return Float32Array.from(
    layout.blocks.flatMap(({ index, offset }) => {
      const [rows, columns] = [WIDTHS[index]!, WIDTHS[index + 1]!]
      return Array.from(
        { length: rows * columns },
        (_, at) =>
          params[offset + from[index]![Math.floor(at / columns)]! * columns + from[index + 1]![at % columns]!]!,
      )
    }),
  )
}

function secondDifferences(values: readonly (number | null)[]): number[] {
  return values.slice(2).map((value, i) => value! - 2 * values[i + 1]! + values[i]!)
}

async function barriers(seed: number) {
  const { a, b, evaluate } = network(seed)
  const paths = pathSpecs(['full', 'layer'], layout, { orders: [], rng: createRng(1) })
  const ends = { a: { id: 'a', params: a }, b: { id: 'b', params: b } }
  return probeBarriers({ round: 1, layout, ...ends, paths, grid: GRID, split: 'train', evaluate })
}

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: along one layer second differences are a positive constant, and L(½) / L(1) is ¼`, async () => {
    const layers = (await barriers(seed)).filter(({ path }) => path === 'layer')
    assert.equal(layers.length, 6)
    for (const { loss, base } of layers) {
      const bends = secondDifferences(loss)
      const mean = bends.reduce((sum, bend) => sum + bend, 0) / bends.length
      assert.ok(mean > 0)
      for (const bend of bends) assert.ok(Math.abs(bend / mean - 1) < FLOAT32, `${bend} of ${mean}`)
      const [from, far] = base === 1 ? [loss[0]!, loss[10]!] : [loss[10]!, loss[0]!]
      assert.ok(from < 1e-20 * far, 'the base fits the data')
      assert.ok(Math.abs(loss[5]! / far - 0.25) < 1e-6)
    }
  })

  test(`seed ${seed}: along all layers at once the loss is not convex, and highest between its ends`, async () => {
    const [full] = await barriers(seed)
    assert.ok(Math.min(...secondDifferences(full!.loss)) < 0)
    assert.ok(full!.loss[5]! > full!.loss[0]! && full!.loss[5]! > full!.loss[10]!)
    assert.ok(full!.lossBarrier! > 0.1)
  })
}

for (const seed of [1, 2, 3])
  test(`seed ${seed}: in float64 the parabola is exact to 1e-9 and the ratio to 1e-12, in every layer and into both bases`, () => {
    const { layers, full } = deepLinearChecks({ rng: createRng(seed) })
    assert.deepEqual(
      layers.map(({ layer, base }) => [layer, base]),
      ([1, 2] as const).flatMap(base => [1, 2, 3].map(layer => [layer, base])),
    )
    for (const { smallest, spread, ratio } of layers) {
      assert.ok(smallest > 0)
      assert.ok(spread < 1e-9, `${spread}`)
      assert.ok(Math.abs(ratio - 0.25) < 1e-12, `${ratio}`)
    }
    assert.ok(full.smallest < 0)
    assert.ok(full.loss[5]! > full.loss[0]! && full.loss[5]! > full.loss[10]!)
    assert.ok(full.loss[0]! < 1e-20 && full.loss[10]! < 1e-20, 'both ends fit the data')
  })
