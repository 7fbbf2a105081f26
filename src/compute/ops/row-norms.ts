import * as tf from '@tensorflow/tfjs-core'
import { stackOp } from './stack-op.ts'

/** The L2 norm of each row: float32[K, P] to float32[K]. Squares are summed in float64, so they cannot overflow. */
export function rowNorms(stack: tf.Tensor2D): tf.Tensor1D {
  return run(stack, {})
}

const run = stackOp<Record<never, never>>({
  name: 'FedstrataRowNorms',
  outputLength: rows => rows,
  compute(stack, rows, columns, _, output) {
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let i = row * columns; i < (row + 1) * columns; i++) sum += stack[i]! * stack[i]!
      output[row] = Math.sqrt(sum)
    }
  },
  onPack: (pack, stack, rows, columns, _, output) => pack.rowNorms(stack, rows, columns, output),
  fallback: stack => tf.sqrt(tf.sum(tf.square(stack), 1)),
})
