import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import { electedMeanProgram } from '../webgpu/elected-mean.ts'
import { stackOp } from './stack-op.ts'

/**
 * In each column of float32[K, P], the weighted mean of the values whose sign is that of the column's weighted sum:
 * float32[P]; 0 where the sum is 0. Zeros have no sign and count neither for nor against. Throws `input_invalid` unless
 * there is one weight per row.
 */
export function electedMean(stack: tf.Tensor2D, weights: ArrayLike<number>): tf.Tensor1D {
  if (weights.length !== stack.shape[0])
    throw new FedError('input_invalid', { expected: `${stack.shape[0]} weights`, received: `${weights.length}` })
  return run(stack, { weights: Array.from(weights) })
}

/** Columns at a time, so that their sums stay in the cache while all rows pass by twice. */
const TILE = 4096

const run = stackOp<{ weights: number[] }>({
  name: 'FedstrataElectedMean',
  outputLength: (_, columns) => columns,
  compute(stack, rows, columns, { weights }, output) {
    const length = Math.min(TILE, columns)
    const [sum, agreed, share] = [new Float64Array(length), new Float64Array(length), new Float64Array(length)]
    for (let start = 0; start < columns; start += TILE) {
      const width = Math.min(TILE, columns - start)
      for (const sums of [sum, agreed, share]) sums.fill(0)
      for (let row = 0; row < rows; row++) addRow(sum, stack, row * columns + start, weights[row]!, width)
      for (let row = 0; row < rows; row++)
        addAgreed(agreed, share, sum, stack, row * columns + start, weights[row]!, width)
      for (let i = 0; i < width; i++) output[start + i] = share[i]! > 0 ? agreed[i]! / share[i]! : 0
    }
  },
  onPack(pack, stack, rows, columns, { weights }, output) {
    const scratch = pack.scratch(8 * rows + pack.stripScratch(rows))
    pack.float64s(scratch, rows).set(weights)
    pack.electedMean(stack, scratch, rows, columns, output, scratch + 8 * rows)
  },
  webgpu: (_, { weights }) => electedMeanProgram(weights),
  fallback(stack, { weights }) {
    const column = tf.tensor2d(weights, [weights.length, 1])
    const elected = tf.sign(tf.matMul(column, stack, true))
    const agrees = tf.logicalAnd(tf.equal(tf.sign(stack), elected), tf.notEqual(stack, 0))
    const shares = tf.mul(tf.cast(agrees, 'float32'), column)
    return tf.divNoNan(tf.sum(tf.mul(stack, shares), 0), tf.sum(shares, 0))
  },
})

function addRow(sum: Float64Array, stack: Float32Array, first: number, weight: number, width: number): void {
  for (let i = 0; i < width; i++) sum[i]! += weight * stack[first + i]!
}

function addAgreed(
  agreed: Float64Array,
  share: Float64Array,
  sum: Float64Array,
  stack: Float32Array,
  first: number,
  weight: number,
  width: number,
): void {
  for (let i = 0; i < width; i++) {
    const value = stack[first + i]!
    if (value * sum[i]! > 0) {
      agreed[i]! += weight * value
      share[i]! += weight
    }
  }
}
