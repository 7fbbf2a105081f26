import * as tf from '@tensorflow/tfjs-core'
import { runPackKernel } from './pack-kernel.ts'

/**
 * Softmax cross-entropy, mean over the batch, nats: −(1/n) Σ log softmax(logits)[label]. logits float32[n, classes],
 * labels one-hot float32[n, classes]. Its gradient (softmax − labels) / n is given in closed form: one op instead of the
 * eight of TF.js's own chain, and finite for any finite logits.
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  // The labels are no input of the op: the tape then looks for no gradient of theirs.
  const op = tf.customGrad((...inputs) => {
    const [logits, save] = inputs as unknown as [tf.Tensor2D, tf.GradSaveFunc]
    const [value, gradient] = lossAndGradient(logits, labels)
    save([gradient!])
    return { value: value!, gradFunc: (dy, saved) => tf.mul((saved as tf.Tensor[])[0]!, dy) }
  })
  return op(logits) as tf.Scalar
}

function lossAndGradient(logits: tf.Tensor2D, labels: tf.Tensor2D): readonly tf.Tensor[] {
  const fused = runPackKernel('FedstrataCrossEntropy', { logits, labels })
  if (fused) return fused
  const shifted = tf.sub(logits, tf.max(logits, 1, true))
  const exponentials = tf.exp(shifted)
  const sums = tf.sum(exponentials, 1, true)
  const losses = tf.sub(tf.log(sums), tf.sum(tf.mul(shifted, labels), 1, true))
  return [tf.mean(losses), tf.div(tf.sub(tf.div(exponentials, sums), labels), logits.shape[0])]
}
