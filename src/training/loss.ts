import * as tf from '@tensorflow/tfjs-core'

export { softmaxCrossEntropy } from '../compute/ops/softmax-cross-entropy.ts'

/** float32[n, numClasses], 1 at each label. */
export function oneHot(labels: Uint8Array, numClasses: number): tf.Tensor2D {
  const values = new Float32Array(labels.length * numClasses)
  labels.forEach((label, row) => {
    values[row * numClasses + label] = 1
  })
  return tf.tensor2d(values, [labels.length, numClasses])
}
