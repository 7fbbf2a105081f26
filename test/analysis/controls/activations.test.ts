import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VisitActivations } from '../../../src/analysis/controls/activations.ts'
import { featureConnectivity } from '../../../src/analysis/controls/features.ts'
import { functionalSimilarity } from '../../../src/analysis/controls/functional.ts'
import { headSharpness } from '../../../src/analysis/controls/sharpness.ts'
import { layoutOf, type Params } from '../../../src/core/layout.ts'
import { layoutOfSizes, normalParams } from '../toys.ts'

const near = (actual: number | null | undefined, expected: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(actual! - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} for ${expected}`)

/** Shows `examples` by twos; a model gives `outputs(params, x)` for each, one list of values a layer. */
function visitor(
  examples: readonly (readonly number[])[],
  outputs: (params: Params, x: readonly number[]) => readonly (readonly number[])[],
): VisitActivations {
  return async (models, visit) => {
    for (let from = 0; from < examples.length; from += 2) {
      const batch = examples.slice(from, from + 2)
      const given = models.map(params => batch.map(x => outputs(params, x)))
      const layers = given[0]![0]!.length
      visit({
        rows: batch.length,
        outputs: given.map(rows =>
          Array.from({ length: layers }, (_, l) => Float32Array.from(rows.flatMap(row => [...row[l]!]))),
        ),
      })
    }
  }
}

const EXAMPLES = [
  [1, 2],
  [-1, 0.5],
  [3, -2],
]

test('a layer that is linear in its weights is connected: distance 0, coefficient 1', async () => {
  const layout = layoutOfSizes([2])
  const [row] = await featureConnectivity({
    layout,
    a: Float32Array.of(1, 2),
    b: Float32Array.of(-3, 0.5),
    visitFeatures: visitor(EXAMPLES, (w, x) => [[w[0]! * x[0]!, w[1]! * x[1]!]]),
  })
  near(row!.distance, 0)
  near(row!.coefficient, 1)
  assert.ok(row!.baseline! > 0.1)
})

test('distance, coefficient, baseline and variance ratio are those of a float64 loop over two ReLU layers', async () => {
  const layout = layoutOfSizes([4, 4])
  const [a, b] = [normalParams(8, 1), normalParams(8, 2)]
  const relu = (value: number) => Math.max(0, value)
  const network = (w: ArrayLike<number>, x: readonly number[]) => {
    const h = [0, 1].map(j => relu(x[0]! * w[j]! + x[1]! * w[2 + j]! + 1))
    return [h, [0, 1].map(j => h[0]! * w[4 + j]! + h[1]! * w[6 + j]!)]
  }
  for (const t of [0.5, 0.25]) {
    const mixed = Float32Array.from(a, (value, i) => (1 - t) * value + t * b[i]!)
    const results = await featureConnectivity({
      layout,
      a,
      b,
      interpolation: t,
      visitFeatures: visitor(EXAMPLES, network),
    })
    for (const [l, result] of results.entries()) {
      const rows = EXAMPLES.map(x => [a, b, mixed].map(w => network(w, x)[l]!) as [number[], number[], number[]])
      const dot = (u: number[], v: number[]) => u.reduce((sum, value, i) => sum + value * v[i]!, 0)
      const cos = (u: number[], v: number[]) => dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v))
      const side = ([f, g]: [number[], number[], number[]]) => f.map((value, i) => (1 - t) * value + t * g[i]!)
      const mean = (of: (row: [number[], number[], number[]]) => number) => {
        const values = rows.map(of).filter(value => !Number.isNaN(value))
        return values.reduce((sum, value) => sum + value, 0) / values.length
      }
      near(
        result.distance,
        mean(row => 1 - cos(row[2], side(row))),
        1e-5,
      )
      near(
        result.coefficient,
        mean(row => dot(row[2], side(row)) / dot(side(row), side(row))),
        1e-5,
      )
      near(
        result.baseline,
        mean(row => 1 - cos(row[0], row[1])),
        1e-5,
      )
      const variance = (m: 0 | 1 | 2) =>
        [0, 1].reduce((sum, i) => {
          const values = rows.map(row => row[m][i]!)
          const middle = values.reduce((total, value) => total + value, 0) / values.length
          return sum + values.reduce((total, value) => total + (value - middle) ** 2, 0) / values.length
        }, 0)
      near(result.varianceRatio, variance(2) / ((variance(0) + variance(1)) / 2), 1e-5)
    }
  }
})

test('opposed features cancel: the mix gives nothing, so it has no direction, no variance, and a coefficient of null', async () => {
  const [row] = await featureConnectivity({
    layout: layoutOfSizes([1]),
    a: Float32Array.of(1),
    b: Float32Array.of(-1),
    visitFeatures: visitor(EXAMPLES, (w, x) => [[w[0]! * x[0]!]]),
  })
  assert.deepEqual(row, { layer: 'layer1', distance: null, coefficient: null, baseline: 2, varianceRatio: 0 })
})

test('functional similarity counts softmax entries within 1e-4, and equal classes', async () => {
  const logits = visitor([[0], [1], [2]], (w, [i]) => [
    i === 0 ? [w[0]!, 0] : i === 1 ? [5, 5 + 1e-5 * w[0]!, -40].slice(0, 2) : [0, 3 * w[0]!],
  ])
  const { sameProbabilities, sameClass } = await functionalSimilarity(Float32Array.of(1), Float32Array.of(2), logits)
  // Example 0: p = (.731, .269) and (.881, .119). Example 1: differ by some 1e-6. Example 2: (.047, .953) and (.0025, .9975).
  near(sameProbabilities, 2 / 6)
  near(sameClass, 1)
  const opposite = await functionalSimilarity(Float32Array.of(1), Float32Array.of(-1), logits)
  near(opposite.sameClass, 0)
  // Predictions of NaN are in no class, though the first is what one finds in them by comparing.
  const none = await functionalSimilarity(Float32Array.of(1), Float32Array.of(Number.NaN), logits)
  near(none.sameClass, 0)
  const same = await functionalSimilarity(Float32Array.of(Number.NaN), Float32Array.of(Number.NaN), logits)
  near(same.sameClass, 0)
})

test('the sharpness of the head is Σ ⟨w_s, w_s′⟩ Tr(H_ss′) with the Hessian by second differences of the loss', async () => {
  const [inputs, classes] = [3, 3]
  const layout = layoutOf([
    { name: 'body/kernel', shape: [1], kind: 'kernel', trainable: true },
    { name: 'head/kernel', shape: [inputs, classes], kind: 'kernel', trainable: true },
    { name: 'head/bias', shape: [classes], kind: 'bias', trainable: true },
  ])
  const params = normalParams(layout.size, 4)
  const examples = [
    [1, 2, -1],
    [0.5, -1, 0.3],
    [2, 0, 1],
  ]
  const logitsOf = (w: ArrayLike<number>, x: readonly number[]) =>
    [0, 1, 2].map(s => x.reduce((sum, value, i) => sum + value * w[1 + i * classes + s]!, w[1 + inputs * classes + s]!))
  const kappa = await headSharpness(
    layout,
    params,
    visitor(examples, (w, x) => [x, logitsOf(w, x)]),
  )

  const loss = (w: Float64Array) =>
    examples.reduce((sum, x, row) => {
      const z = logitsOf(w, x)
      return sum + Math.log(z.reduce((total, value) => total + Math.exp(value), 0)) - z[row % classes]!
    }, 0) / examples.length
  const at = (i: number, s: number) => 1 + i * classes + s
  const h = 1e-3
  const moved = (...steps: [number, number][]) => {
    const w = Float64Array.from(params)
    for (const [index, step] of steps) w[index] = w[index]! + step
    return loss(w)
  }
  let expected = 0
  for (let s = 0; s < classes; s++)
    for (let other = 0; other < classes; other++) {
      let [inner, trace] = [0, 0]
      for (let i = 0; i < inputs; i++) {
        const [u, v] = [at(i, s), at(i, other)]
        inner += params[u]! * params[v]!
        trace +=
          (moved([u, h], [v, h]) - moved([u, h], [v, -h]) - moved([u, -h], [v, h]) + moved([u, -h], [v, -h])) /
          (4 * h * h)
      }
      expected += inner * trace
    }
  near(kappa, expected, 1e-4)
  assert.ok(kappa > 0)
})

test('a network whose last block is no matrix has no head to measure', async () => {
  await assert.rejects(
    headSharpness(layoutOfSizes([3]), new Float32Array(3), async () => {}),
    { code: 'model_invalid', message: /fully connected output layer/ },
  )
})
