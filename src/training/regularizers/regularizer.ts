import type * as tf from '@tensorflow/tfjs-core'
import type { PackFunctions } from '../../compute/wasm-kernels/pack-functions.ts'

/** A term of the local objective that depends on the weights alone, and acts through its gradient. */
export interface Regularizer {
  /** `gradient` plus the term's own. `anchor` is the same tensor of the round-start global model. Inside `tf.tidy`. */
  addGradient(gradient: tf.Tensor, weight: tf.Tensor, anchor: tf.Tensor): tf.Tensor
  /** Adds it to a gradient that lies in plain memory, to the same bits; TF.js has to train where it is missing. */
  inPlace?(input: InPlaceTerm): void
}

/** Addresses of `length` float32 each. */
export interface InPlaceTerm {
  readonly kernels: PackFunctions
  readonly length: number
  readonly gradient: number
  readonly weight: number
  readonly anchor: number
}
