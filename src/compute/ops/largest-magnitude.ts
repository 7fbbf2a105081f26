import * as tf from '@tensorflow/tfjs-core'
import { largestMagnitudeProgram } from '../webgpu/largest-magnitude.ts'
import { stackOp } from './stack-op.ts'

/** In each column of float32[K, P], the value with the largest magnitude, of equal ones the first: float32[P]. */
export function largestMagnitude(stack: tf.Tensor2D): tf.Tensor1D {
  return run(stack, {})
}

const run = stackOp<Record<never, never>>({
  name: 'FedstrataLargestMagnitude',
  outputLength: (_, columns) => columns,
  compute(stack, rows, columns, _, output) {
    output.set(stack.subarray(0, columns))
    for (let row = 1; row < rows; row++) {
      const first = row * columns
      for (let i = 0; i < columns; i++) {
        const value = stack[first + i]!
        if (Math.abs(value) > Math.abs(output[i]!)) output[i] = value
      }
    }
  },
  webgpu: largestMagnitudeProgram,
  fallback: stack =>
    tf.unstack(stack).reduce((best, row) => tf.where(tf.greater(tf.abs(row), tf.abs(best)), row, best)) as tf.Tensor1D,
})
