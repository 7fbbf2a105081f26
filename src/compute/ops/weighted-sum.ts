import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import { weightedSumProgram } from '../webgpu/weighted-sum.ts'
import { stackOp } from './stack-op.ts'

/**
 * Σ_k weights[k] · stack[k]: float32[K, P] and K weights to float32[P]. Summed in float64 in row order and rounded once,
 * so equal rows under weights that sum to 1 come back bit for bit. Throws `input_invalid` unless there is one weight per
 * row. On webgpu the sum is float32, in the same order; engines without a kernel multiply matrices in float32.
 */
export function weightedSum(stack: tf.Tensor2D, weights: ArrayLike<number>): tf.Tensor1D {
  if (weights.length !== stack.shape[0])
    throw new FedError('input_invalid', { expected: `${stack.shape[0]} weights`, received: `${weights.length}` })
  return run(stack, { weights: Array.from(weights) })
}

/** Coordinates summed at a time: 64 KiB of float64, so that the sums stay in the cache while all rows pass by. */
const TILE = 8192

const run = stackOp<{ weights: number[] }>({
  name: 'FedstrataWeightedSum',
  outputLength: (_, columns) => columns,
  onPack(pack, stack, rows, columns, { weights }, output) {
    const scratch = pack.scratch(pack.sumScratch() + 8 * rows)
    pack.float64s(scratch, rows).set(weights)
    pack.weightedSum(stack, columns, scratch, rows, columns, output, scratch + 8 * rows)
  },
  compute(stack, rows, columns, { weights }, output) {
    const sum = new Float64Array(Math.min(TILE, columns))
    for (let start = 0; start < columns; start += TILE) {
      const length = Math.min(TILE, columns - start)
      sum.fill(0)
      for (let row = 0; row < rows; row++) {
        const weight = weights[row]!
        const first = row * columns + start
        for (let i = 0; i < length; i++) sum[i]! += weight * stack[first + i]!
      }
      for (let i = 0; i < length; i++) output[start + i] = sum[i]!
    }
  },
  webgpu: (_, { weights }) => weightedSumProgram(weights),
  fallback: (stack, { weights }) => tf.reshape(tf.matMul(tf.tensor2d(weights, [1, weights.length]), stack), [-1]),
})
