import * as tf from '@tensorflow/tfjs-core'
import { runPackKernel } from './pack-kernel.ts'

// Steps of the client's optimizers and regularizer, float32 tensors of one shape. The kernels round as these chains of
// ops do, in the same order. Tensors are made inside the caller's `tf.tidy`.

export interface SgdStep {
  readonly weight: tf.Tensor
  readonly gradient: tf.Tensor
  /** Undefined without momentum. */
  readonly velocity: tf.Tensor | undefined
  readonly rate: number
  readonly momentum: number
  readonly decay: number
}

/** v' = momentum v + (g + decay w), w' = w - rate v': [w'] or [w', v']. */
export function sgdStep({ weight, gradient, velocity, rate, momentum, decay }: SgdStep): readonly tf.Tensor[] {
  const inputs = velocity ? { weight, gradient, velocity } : { weight, gradient }
  const fused = runPackKernel('FedstrataSgdStep', inputs, { rate, momentum, decay })
  if (fused) return fused
  const slope = decay > 0 ? tf.add(gradient, tf.mul(weight, decay)) : gradient
  const step = velocity ? tf.add(tf.mul(velocity, momentum), slope) : slope
  const after = tf.sub(weight, tf.mul(step, rate))
  return velocity ? [after, step] : [after]
}

export interface AdamStep {
  readonly weight: tf.Tensor
  readonly gradient: tf.Tensor
  readonly mean: tf.Tensor
  readonly square: tf.Tensor
  readonly rate: number
  readonly beta1: number
  readonly beta2: number
  /** Of the root of the mean square. */
  readonly scale: number
  readonly epsilon: number
}

/** m' = beta1 m + (1 - beta1) g, v' = beta2 v + (1 - beta2) g², w' = w - rate m' / (scale √v' + epsilon): [w', m', v']. */
export function adamStep({ weight, gradient, mean, square, ...numbers }: AdamStep): readonly tf.Tensor[] {
  const fused = runPackKernel('FedstrataAdamStep', { weight, gradient, mean, square }, numbers)
  if (fused) return fused
  const { rate, beta1, beta2, scale, epsilon } = numbers
  const newMean = tf.add(tf.mul(mean, beta1), tf.mul(gradient, 1 - beta1))
  const newSquare = tf.add(tf.mul(square, beta2), tf.mul(tf.square(gradient), 1 - beta2))
  const root = tf.add(tf.mul(tf.sqrt(newSquare), scale), epsilon)
  return [tf.sub(weight, tf.mul(tf.div(newMean, root), rate)), newMean, newSquare]
}

/** gradient + mu (weight - anchor). */
export function proxGradient(gradient: tf.Tensor, weight: tf.Tensor, anchor: tf.Tensor, mu: number): tf.Tensor {
  const fused = runPackKernel('FedstrataProxGradient', { gradient, weight, anchor }, { mu })
  return fused ? fused[0]! : tf.add(gradient, tf.mul(tf.sub(weight, anchor), mu))
}
