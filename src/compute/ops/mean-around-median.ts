import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import { stackOp } from './stack-op.ts'

/**
 * In each column of float32[K, P], the mean of the `count` values that are nearest to the column's median: float32[P].
 * Values as far from it as the last of them count too, so that the order of the rows cannot matter. Throws
 * `input_invalid` unless 1 ≤ count ≤ K.
 */
export function meanAroundMedian(stack: tf.Tensor2D, count: number): tf.Tensor1D {
  const rows = stack.shape[0]
  if (!Number.isInteger(count) || count < 1 || count > rows)
    throw new FedError('input_invalid', { expected: `a whole number from 1 to ${rows}`, received: `${count}` })
  return run(stack, { count })
}

const run = stackOp<{ count: number }>({
  name: 'FedstrataMeanAroundMedian',
  outputLength: (_, columns) => columns,
  compute(stack, rows, columns, { count }, output) {
    const [values, distances] = [new Float64Array(rows), new Float64Array(rows)]
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) values[row] = stack[row * columns + column]!
      values.sort()
      const middle = (values[(rows - 1) >> 1]! + values[rows >> 1]!) / 2
      for (let row = 0; row < rows; row++) distances[row] = Math.abs(values[row]! - middle)
      const farthest = distances.slice().sort()[count - 1]!
      let [sum, kept] = [0, 0]
      for (let row = 0; row < rows; row++) {
        if (distances[row]! > farthest) continue
        sum += values[row]!
        kept++
      }
      output[column] = kept > 0 ? sum / kept : middle
    }
  },
  onPack: (pack, stack, rows, columns, { count }, output) =>
    pack.meanAroundMedian(stack, rows, columns, count, output, pack.scratch(pack.stripScratch(rows))),
  fallback(stack, { count }) {
    const [rows, columns] = stack.shape
    const sorted = tf.topk(tf.transpose(stack), rows, true).values
    const inner = rows % 2 === 0 ? 2 : 1
    const middle = tf.mean(tf.slice(sorted, [0, (rows - inner) / 2], [columns, inner]), 1, true)
    const distances = tf.abs(tf.sub(sorted, middle))
    const nearest = tf.topk(tf.neg(distances), rows, true).values
    const kept = tf.cast(tf.lessEqual(distances, tf.neg(tf.slice(nearest, [0, count - 1], [columns, 1]))), 'float32')
    return tf.div(tf.sum(tf.mul(sorted, kept), 1), tf.sum(kept, 1))
  },
})
