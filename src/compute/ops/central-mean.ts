import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import { centralMeanProgram } from '../webgpu/central-mean.ts'
import { stackOp } from './stack-op.ts'

/**
 * In each column of float32[K, P], the mean of what is left without the `cut` smallest and the `cut` largest values:
 * float32[P]. `cut` = 0 is the mean, `cut` = ⌊(K − 1) / 2⌋ the median. Throws `input_invalid` when nothing would be left.
 */
export function centralMean(stack: tf.Tensor2D, cut: number): tf.Tensor1D {
  const rows = stack.shape[0]
  if (!Number.isInteger(cut) || cut < 0 || 2 * cut >= rows)
    throw new FedError('input_invalid', { expected: `a whole number from 0, below ${rows} / 2`, received: `${cut}` })
  return run(stack, { cut })
}

const run = stackOp<{ cut: number }>({
  name: 'FedstrataCentralMean',
  outputLength: (_, columns) => columns,
  compute(stack, rows, columns, { cut }, output) {
    const values = new Float32Array(rows)
    const left = rows - 2 * cut
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) values[row] = stack[row * columns + column]!
      sort(values)
      let sum = 0
      for (let row = cut; row < rows - cut; row++) sum += values[row]!
      output[column] = sum / left
    }
  },
  onPack: (pack, stack, rows, columns, { cut }, output) =>
    pack.centralMean(stack, rows, columns, cut, output, pack.scratch(pack.stripScratch(rows))),
  webgpu: (rows, { cut }) => centralMeanProgram(rows, cut),
  fallback(stack, { cut }) {
    const [rows, columns] = stack.shape
    const { values } = tf.topk(tf.transpose(stack), rows, true)
    return tf.mean(tf.slice(values, [0, cut], [columns, rows - 2 * cut]), 1)
  },
})

/** Cohorts are small: up to about this size, insertion beats the call into the engine's sort. */
const SMALL = 48

function sort(values: Float32Array): void {
  if (values.length > SMALL) {
    values.sort()
    return
  }
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!
    let at = i
    for (; at > 0 && values[at - 1]! > value; at--) values[at] = values[at - 1]!
    values[at] = value
  }
}
