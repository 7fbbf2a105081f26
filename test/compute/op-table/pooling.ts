import * as tf from '@tensorflow/tfjs-core'
import { type CallRow, exactly, row } from './row.ts'

const { NaN: nan } = Number
const CHANNELS = 5 // more than a vector holds
const channels = (values: readonly number[]) => values.flatMap(value => Array.from({ length: CHANNELS }, () => value))
const image = (...values: number[]) => {
  const side = Math.sqrt(values.length)
  return tf.tensor4d(channels(values), [1, side, side, CHANNELS])
}

/** Windows of 2 x 2 at the corners: NaN first, NaN last, values below zero, NaN throughout. */
const pixels = [...[nan, 1, 1, 1], ...[1, 2, 1, nan], ...[-1, -2, nan, nan], ...[-3, -4, nan, nan]]
const sound = [...[8, 1, 1, 1], ...[1, 2, 1, 7], ...[-1, -2, 1, 4], ...[-3, -4, 3, 2]]
const slope = (first: number) => image(first, 2, 3, 4)
const pool = {
  max: (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
  mean: (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid'),
}

export const pooling: readonly CallRow[] = [
  exactly(
    'maxPool',
    'NaN anywhere in a window; above -1e20, which webgpu takes for the least number',
    () => pool.max(image(...pixels)),
    channels([nan, nan, -1, nan]),
  ),
  exactly(
    'maxPool',
    'NaN beside padding',
    () => tf.maxPool(image(nan, 1, 1, 1, 1, 1, 1, 1, 1), 2, 2, 'same'),
    channels([nan, 1, 1, 1]),
  ),
  exactly(
    'maxPool',
    'gradient',
    () => tf.grad(pool.max)(image(...sound), slope(1)),
    channels([...[1, 0, 0, 0], ...[0, 0, 0, 2], ...[3, 0, 0, 4], ...[0, 0, 0, 0]]),
  ),
  exactly(
    'maxPool',
    'gradient, NaN in one window: it arrives, on webgpu at every value of the window',
    () => tf.sum(tf.grad(pool.max)(image(...sound), slope(nan))),
    [nan],
  ),
  exactly('avgPool', 'NaN anywhere in a window', () => pool.mean(image(...pixels)), channels([nan, nan, -2.5, nan])),
  exactly(
    'avgPool',
    'NaN beside padding',
    () => tf.avgPool(image(nan, 1, 1, 1, 1, 1, 1, 1, 1), 2, 2, 'same'),
    channels([nan, 1, 1, 1]),
  ),
  exactly(
    'avgPool',
    'gradient, NaN in one place',
    () => tf.grad(pool.mean)(image(...sound), slope(nan)),
    channels([...[nan, nan, 0.5, 0.5], ...[nan, nan, 0.5, 0.5], ...[0.75, 0.75, 1, 1], ...[0.75, 0.75, 1, 1]]),
  ),
]

/** What the tape runs beside the ops themselves. */
export const gradients: readonly CallRow[] = [
  exactly(
    'relu',
    'gradient: NaN at NaN, nothing at 0 and below',
    () => tf.grad(x => tf.relu(x))(tf.tensor1d([nan, 1, 0, -1, 2]), tf.tensor1d([1, nan, 3, 4, 5])),
    [nan, nan, 0, 0, 5],
  ),
  exactly(
    'abs',
    'gradient, of what is small too',
    () => tf.grad(x => tf.abs(x))(tf.tensor1d([1e-8, -1e-8, 3, nan]), tf.tensor1d([2, 2, 2, 2])),
    [2, -2, 2, nan],
  ),
  exactly(
    'add',
    'gradient of a bias: NaN in one row',
    () =>
      tf.grad(b => tf.add(tf.zeros([3, 2]), b))(
        tf.tensor1d([1, 2]),
        tf.tensor2d([
          [1, 2],
          [nan, 4],
          [5, 6],
        ]),
      ),
    [nan, 12],
  ),
  exactly('gather', 'gradient: a row taken twice', () => lookupGradient(2), [5, 6, 4, 6, 0, 0]),
  exactly('gather', 'gradient, NaN in one place: it arrives, on cpu in every row', () => tf.sum(lookupGradient(nan)), [
    nan,
  ]),
  row(
    'mean',
    'gradient of a product with what is repeated',
    () =>
      tf.grad(x => tf.mean(tf.mul(tf.tile(x, [3, 1]), tf.tensor2d([[1], [2], [nan]]))))(
        tf.tensor2d([[7, 8]]),
        tf.scalar(6),
      ),
    [nan, nan],
    { ulps: 1 },
  ),
]

function lookupGradient(second: number): tf.Tensor {
  const dy = tf.tensor2d([1, second, 3, 4, 5, 6], [3, 2])
  return tf.grad(x => tf.gather(x, tf.tensor1d([1, 1, 0], 'int32')))(tf.zeros([3, 2]), dy)
}
