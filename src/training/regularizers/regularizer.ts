import type * as tf from '@tensorflow/tfjs-core'

/** A term of the local objective that depends on the weights alone, and acts through its gradient. */
export interface Regularizer {
  /** `gradient` plus the term's own. `anchor` is the same tensor of the round-start global model. Inside `tf.tidy`. */
  addGradient(gradient: tf.Tensor, weight: tf.Tensor, anchor: tf.Tensor): tf.Tensor
}
