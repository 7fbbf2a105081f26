import * as tf from '@tensorflow/tfjs-core'
import { type CallRow, exactly } from './row.ts'
import { SPECIAL } from './values.ts'

const range = (n: number) => Array.from({ length: n }, (_, i) => i)
const special = (shape: number[]) =>
  tf.tensor(
    SPECIAL.slice(
      0,
      shape.reduce((a, b) => a * b),
    ),
    shape,
  )
const head = (n: number) => SPECIAL.slice(0, n)

/** Values out as they went in, whatever they are. */
export const moves: readonly CallRow[] = [
  move('reshape', () => tf.reshape(special([24]), [4, 6]), head(24)),
  move(
    'transpose',
    () => tf.transpose(special([4, 6])),
    range(24).map(i => SPECIAL[(i % 4) * 6 + Math.floor(i / 4)]!),
  ),
  move(
    'slice',
    () => tf.slice(special([4, 6]), [1, 2], [2, 3]),
    [8, 9, 10, 14, 15, 16].map(i => SPECIAL[i]!),
  ),
  move('gather', () => tf.gather(special([4, 6]), tf.tensor1d([2, 0], 'int32')), [
    ...SPECIAL.slice(12, 18),
    ...head(6),
  ]),
  move('concat', () => tf.concat([special([24]), special([24])]), [...head(24), ...head(24)]),
  move('concat1d', () => tf.concat1d([special([24]) as tf.Tensor1D, special([5]) as tf.Tensor1D]), [
    ...head(24),
    ...head(5),
  ]),
  move('concat2d', () => tf.concat2d([special([2, 3]) as tf.Tensor2D, special([2, 1]) as tf.Tensor2D], 1), [
    ...[...head(3), SPECIAL[0]!],
    ...[...SPECIAL.slice(3, 6), SPECIAL[1]!],
  ]),
  move('unstack', () => tf.unstack(special([4, 6]))[2]!, SPECIAL.slice(12, 18)),
  move(
    'tile',
    () => tf.tile(special([2, 3]), [2, 2]),
    [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5].map(i => SPECIAL[i]!),
  ),
  move('tensor', () => tf.tensor(SPECIAL.slice(), [SPECIAL.length]), SPECIAL),
  move('fill', () => tf.fill([3], Number.NaN), [Number.NaN, Number.NaN, Number.NaN]),
  move('zeros', () => tf.zeros([2]), [0, 0]),
  move('ones', () => tf.ones([2]), [1, 1]),
  move('range', () => tf.range(3, 6), [3, 4, 5]),
]

function move(op: string, call: () => tf.Tensor, expected: ArrayLike<number>): CallRow {
  return exactly(op, 'values as they are', call, expected)
}
