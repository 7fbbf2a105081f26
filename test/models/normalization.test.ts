import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { BatchNormalization } from '../../src/models/batch-normalization.ts'
import { GroupNormalization } from '../../src/models/group-normalization.ts'
import type { Normalization } from '../../src/models/normalization.ts'
import { assertClose, normals } from '../helpers/values.ts'

before(() => tf.setBackend('cpu'))

const [BATCH, HEIGHT, WIDTH, CHANNELS] = [3, 2, 5, 8]
const SHAPE = [BATCH, HEIGHT, WIDTH, CHANNELS]
const POSITIONS = HEIGHT * WIDTH
const X = normals(1, BATCH * POSITIONS * CHANNELS).map((value, i) => value * (1 + (i % CHANNELS)) + (i % 3))

/** Plain float64: every value minus the mean of its set, over the deviation of its set; sets are named by `setOf`. */
function standardised(x: ArrayLike<number>, setOf: (image: number, channel: number) => number, epsilon = 1e-5) {
  const sets = new Map<number, number[]>()
  const nameOf = (i: number) => setOf(Math.floor(i / (POSITIONS * CHANNELS)), i % CHANNELS)
  for (let i = 0; i < x.length; i++) sets.set(nameOf(i), [...(sets.get(nameOf(i)) ?? []), x[i]!])
  const moments = new Map<number, { mean: number; variance: number; count: number }>()
  for (const [name, values] of sets) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    moments.set(name, { mean, variance, count: values.length })
  }
  const values = Array.from(X, (_, i) => {
    const { mean, variance } = moments.get(nameOf(i))!
    return (x[i]! - mean) / Math.sqrt(variance + epsilon)
  })
  return { values, moments }
}

const GAMMA = Float32Array.from({ length: CHANNELS }, (_, c) => 0.5 + c / 4)
const BETA = Float32Array.from({ length: CHANNELS }, (_, c) => c - 3)
const affine = (values: readonly number[]) =>
  values.map((value, i) => value * GAMMA[i % CHANNELS]! + BETA[i % CHANNELS]!)

function prepared<T extends Normalization>(layer: T): T {
  layer.build([null, HEIGHT, WIDTH, CHANNELS])
  layer.weights[0]!.write(tf.tensor1d(GAMMA))
  layer.weights[1]!.write(tf.tensor1d(BETA))
  return layer
}

function free(layer: Normalization): void {
  for (const weight of layer.weights) weight.dispose()
}

async function output(layer: Normalization, training: boolean): Promise<Float32Array> {
  const y = tf.tidy(() => layer.call(tf.tensor(X, SHAPE), { training }))
  const values = await y.data<'float32'>()
  y.dispose()
  return values
}

const groupOf = (groups: number) => (image: number, channel: number) =>
  image * groups + Math.floor(channel / (CHANNELS / groups))

test('group norm standardises each group of channels of each example; one group is layer norm', async () => {
  for (const groups of [1, 2, 4, 8]) {
    const layer = prepared(new GroupNormalization({ name: `group${groups}`, groups }))
    const expected = affine(standardised(X, groupOf(groups)).values)
    for (const training of [true, false]) assertClose(await output(layer, training), expected, 2e-5, `${groups} groups`)
    free(layer)
  }
})

test('batch norm standardises each channel of the batch in training, and moves its running statistics', async () => {
  const layer = prepared(new BatchNormalization({ name: 'batch' }))
  const before = affine(Array.from(X, value => value / Math.sqrt(1 + 1e-5)))
  assertClose(await output(layer, false), before, 2e-5, 'with fresh statistics')
  const { values, moments } = standardised(X, (_, channel) => channel)
  assertClose(await output(layer, true), affine(values), 2e-5, 'training')
  const statistics = await Promise.all(layer.weights.slice(2).map(weight => weight.read().data()))
  const sets = [...moments.values()]
  const means = sets.map(({ mean }) => 0.1 * mean)
  const variances = sets.map(({ variance, count }) => 0.9 + (0.1 * variance * count) / (count - 1))
  assertClose(statistics[0]!, means, 1e-5, 'running mean')
  assertClose(statistics[1]!, variances, 1e-5, 'running variance')
  const after = Array.from(X, (value, i) => (value - means[i % CHANNELS]!) / Math.sqrt(variances[i % CHANNELS]! + 1e-5))
  assertClose(await output(layer, false), affine(after), 2e-5, 'evaluation')
  free(layer)
})

test('their gradients equal central differences of plain float64 loops', async () => {
  const weighting = normals(2, X.length)
  const cases = [
    { layer: prepared(new GroupNormalization({ name: 'g', groups: 2 })), setOf: groupOf(2) },
    { layer: prepared(new BatchNormalization({ name: 'b' })), setOf: (_: number, channel: number) => channel },
  ]
  for (const { layer, setOf } of cases) {
    const start = tf.memory().numTensors
    const [gamma, beta] = layer.weights.map(weight => weight.read() as tf.Variable)
    const { grads } = tf.tidy(() => {
      const x = tf.variable(tf.tensor(X, SHAPE), true, `x of ${layer.name}`)
      const loss = () => tf.sum(tf.mul(layer.call(x, { training: true }), tf.tensor(weighting, SHAPE))) as tf.Scalar
      const { grads } = tf.variableGrads(loss, [x, gamma!, beta!])
      x.dispose()
      return { grads }
    })
    const [dx, dGamma, dBeta] = await Promise.all(
      [`x of ${layer.name}`, gamma!.name, beta!.name].map(name => grads[name]!.data()),
    )
    const { values } = standardised(X, setOf)
    const perChannel = (each: (i: number) => number) =>
      Array.from({ length: CHANNELS }, (_, c) => X.reduce((sum, _, i) => sum + (i % CHANNELS === c ? each(i) : 0), 0))
    assertClose(
      dGamma!,
      perChannel(i => weighting[i]! * values[i]!),
      1e-4,
      'dγ',
    )
    assertClose(
      dBeta!,
      perChannel(i => weighting[i]!),
      1e-4,
      'dβ',
    )
    const lossAt = (x: Float64Array) =>
      affine(standardised(x, setOf).values).reduce((sum, value, i) => sum + value * weighting[i]!, 0)
    const h = 1e-5
    for (let i = 0; i < X.length; i += 17) {
      const moved = (by: number) => Float64Array.from(X, (value, j) => (j === i ? value + by : value))
      const difference = (lossAt(moved(h)) - lossAt(moved(-h))) / (2 * h)
      assert.ok(
        Math.abs(dx![i]! - difference) < 1e-4 * Math.max(1, Math.abs(difference)),
        `${i}: ${dx![i]} ${difference}`,
      )
    }
    tf.dispose(grads)
    assert.equal(tf.memory().numTensors, start, 'tensors left behind')
    free(layer)
  }
})
