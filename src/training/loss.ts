import * as tf from '@tensorflow/tfjs-core'

/**
 * Softmax cross-entropy, mean over the batch, nats: −(1/n) Σ log softmax(logits)[label]. logits float32[n, classes],
 * labels one-hot float32[n, classes]. Its gradient (softmax − labels) / n is given in closed form: one op instead of the
 * eight of TF.js's own chain, and finite for any finite logits.
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  return op(logits, labels) as tf.Scalar
}

const op = tf.customGrad((...inputs) => {
  const [logits, labels, save] = inputs as unknown as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc]
  const shifted = tf.sub(logits, tf.max(logits, 1, true))
  const exponentials = tf.exp(shifted)
  const sums = tf.sum(exponentials, 1, true)
  const losses = tf.sub(tf.log(sums), tf.sum(tf.mul(shifted, labels), 1, true))
  save([tf.div(tf.sub(tf.div(exponentials, sums), labels), logits.shape[0])])
  return {
    value: tf.mean(losses),
    gradFunc: (dy, saved) => {
      const gradient = (saved as tf.Tensor[])[0]!
      return [tf.mul(gradient, dy), tf.zerosLike(gradient)]
    },
  }
})

/** float32[n, numClasses], 1 at each label. */
export function oneHot(labels: Uint8Array, numClasses: number): tf.Tensor2D {
  const values = new Float32Array(labels.length * numClasses)
  labels.forEach((label, row) => {
    values[row * numClasses + label] = 1
  })
  return tf.tensor2d(values, [labels.length, numClasses])
}
