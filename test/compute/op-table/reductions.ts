import * as tf from '@tensorflow/tfjs-core'
import { type CallRow, row, type Tolerance } from './row.ts'

const { NaN: nan, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number
const TENTH = Math.fround(0.1)
const range = (n: number) => Array.from({ length: n }, (_, i) => i)
/** Added in float64 and rounded once; on a device in float32, in as many parts as it likes. */
const IN_FLOAT64: Tolerance = { ulps: 1, onDevice: 4000 }
const EXACT: Tolerance = { ulps: 0 }

export const reductions: readonly CallRow[] = [
  row('sum', 'of a million', () => tf.sum(tf.fill([1_000_000], 0.1)), [1e6 * TENTH], IN_FLOAT64),
  row(
    'sum',
    'of long rows',
    () => tf.sum(tf.fill([2, 200_003], 0.1), 1),
    [200_003 * TENTH, 200_003 * TENTH],
    IN_FLOAT64,
  ),
  row(
    'sum',
    'of long columns',
    () => tf.sum(tf.fill([20_003, 2], 0.1), 0),
    [20_003 * TENTH, 20_003 * TENTH],
    IN_FLOAT64,
  ),
  row(
    'sum',
    'past 2^24',
    () => tf.sum(tf.concat([tf.fill([1], 2 ** 24), tf.ones([1000])])),
    [2 ** 24 + 1000],
    IN_FLOAT64,
  ),
  row(
    'sum',
    'over axes that are not adjacent',
    () => tf.sum(tf.reshape(tf.range(0, 24), [2, 3, 4]), [0, 2]),
    [0, 1, 2].map(j =>
      range(24)
        .filter(i => Math.floor(i / 4) % 3 === j)
        .reduce((a, b) => a + b),
    ),
    EXACT,
  ),
  row(
    'sum',
    'over axes in the middle',
    () => tf.sum(tf.reshape(tf.range(0, 24), [2, 3, 2, 2]), [1, 2], true),
    [30, 36, 102, 108],
    EXACT,
  ),
  row(
    'sum',
    'with NaN',
    () =>
      tf.sum(
        tf.tensor2d([
          [1, nan, 2],
          [most, least, 1],
          [most, 1, 2],
          [1, 2, 3],
        ]),
        1,
      ),
    [nan, nan, most, 6],
    EXACT,
  ),
  row('mean', 'of a million', () => tf.mean(tf.fill([1_000_000], 0.1)), [TENTH], IN_FLOAT64),
  row('mean', 'of long rows', () => tf.mean(tf.fill([2, 200_003], 0.1), 1), [TENTH, TENTH], IN_FLOAT64),
  row(
    'mean',
    'over positions',
    () => tf.mean(tf.fill([2, 40, 40, 3], 0.1), [1, 2]),
    range(6).map(() => TENTH),
    IN_FLOAT64,
  ),
  row(
    'mean',
    'with NaN',
    () =>
      tf.mean(
        tf.tensor2d([
          [1, nan, 2],
          [most, least, 1],
          [most, 1, 2],
          [1, 2, 3],
        ]),
        1,
      ),
    [nan, nan, most, 2],
    EXACT,
  ),
  row(
    'max',
    'with NaN',
    () =>
      tf.max(
        tf.tensor2d([
          [nan, 1, 2],
          [1, nan, 2],
          [1, 2, nan],
          [least, least, least],
          [most, 1, 2],
          [-3, -1, -2],
        ]),
        1,
      ),
    [nan, nan, nan, least, most, -1],
    EXACT,
  ),
  row(
    'moments',
    'a variance of 1 around 100, of 5000 values',
    () =>
      tf.moments(
        tf.tensor2d(
          Float32Array.from({ length: 10_000 }, (_, i) => 100 + (Math.floor(i / 2) % 2 ? 1 : -1)),
          [5000, 2],
        ),
        0,
      ).variance,
    [1, 1],
    { ulps: 4, onDevice: 400 },
  ),
  row('moments', 'with NaN', () => tf.moments(tf.tensor1d([1, nan, 2])).mean, [nan], EXACT),
  row(
    'softmax',
    'at the ends of float32; with NaN webgpu leaves some of a row finite, and no loss of ours takes it',
    () =>
      tf.softmax(
        tf.tensor2d([
          [1000, 0, 0],
          [least, 1, 1],
          [3e38, -3e38, 0],
          [-3e38, -3e38, -3e38],
        ]),
      ),
    [1, 0, 0, 0, 0.5, 0.5, 1, 0, 0, 1 / 3, 1 / 3, 1 / 3],
    { ulps: 2, onDevice: 8 },
  ),
  row(
    'logSoftmax',
    'at the ends of float32, and with NaN',
    () =>
      tf.logSoftmax(
        tf.tensor2d([
          [1000, 0, 0],
          [-3e38, -3e38, -3e38],
          [1, nan, 2],
        ]),
      ),
    [0, -1000, -1000, -Math.log(3), -Math.log(3), -Math.log(3), nan, nan, nan],
    { ulps: 2, onDevice: 8 },
  ),
  row(
    'topk',
    'of finite values: NaN has no place in an order, and updates with it are refused before they are averaged',
    () =>
      tf.topk(
        tf.tensor2d([
          [1, 3, 2],
          [-1, 0, -3e38],
          [5, 5, 4],
        ]),
        3,
        true,
      ).values,
    [3, 2, 1, 0, -1, -3e38, 5, 5, 4],
    EXACT,
  ),
]
