import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import { layeredSumProgram } from '../webgpu/weighted-sum.ts'
import { stackOp } from './stack-op.ts'

/** Adjacent columns of a stack that are weighted alike. */
export interface WeightedLayer {
  readonly size: number
  /** One for each row of the stack. */
  readonly weights: ArrayLike<number>
}

/**
 * In each layer l, Σ_k weights_l[k] · stack[k]: a stack of whole models, float32[K, P], and K weights a layer to
 * float32[P] in one pass. Summed as `weightedSum` does. Throws `input_invalid` unless the layers cover the columns, in
 * order, with one weight per row.
 */
export function layeredSum(stack: tf.Tensor2D, layers: readonly WeightedLayer[]): tf.Tensor1D {
  const [rows, columns] = stack.shape
  const total = layers.reduce((sum, { size }) => sum + size, 0)
  const fit = layers.every(({ weights, size }) => weights.length === rows && Number.isInteger(size) && size > 0)
  if (total !== columns || !fit)
    throw new FedError('input_invalid', {
      expected: `layers of ${columns} columns together, each with ${rows} weights`,
      received: layers.map(({ size, weights }) => `${size} columns with ${weights.length}`).join(', ') || 'none',
    })
  let end = 0
  const ends = layers.map(({ size }) => (end += size))
  return run(stack, { weights: layers.flatMap(({ weights }) => Array.from(weights)), ends })
}

const run = stackOp<{ weights: number[]; ends: number[] }>({
  name: 'FedstrataLayeredSum',
  outputLength: (_, columns) => columns,
  onPack(pack, stack, rows, columns, { weights, ends }, output) {
    const scratch = pack.scratch(pack.sumScratch() + 8 * weights.length)
    pack.float64s(scratch, weights.length).set(weights)
    const sums = scratch + 8 * weights.length
    for (const [layer, end] of ends.entries()) {
      const start = ends[layer - 1] ?? 0
      const [own, at] = [scratch + 8 * layer * rows, 4 * start]
      pack.weightedSum(stack + at, columns, own, rows, end - start, output + at, sums)
    }
  },
  compute(stack, rows, columns, { weights, ends }, output) {
    const sum = new Float64Array(columns)
    for (let row = 0; row < rows; row++)
      for (const [layer, end] of ends.entries()) {
        const weight = weights[layer * rows + row]!
        for (let i = ends[layer - 1] ?? 0; i < end; i++) sum[i]! += weight * stack[row * columns + i]!
      }
    output.set(sum)
  },
  webgpu: (_, { weights, ends }) => layeredSumProgram(weights, ends),
  fallback(stack, { weights, ends }) {
    const rows = stack.shape[0]
    const sums = ends.map((end, layer) => {
      const start = ends[layer - 1] ?? 0
      const row = tf.tensor2d(weights.slice(layer * rows, (layer + 1) * rows), [1, rows])
      return tf.reshape(tf.matMul(row, tf.slice(stack, [0, start], [rows, end - start])), [-1]) as tf.Tensor1D
    })
    return tf.concat1d(sums)
  },
})
