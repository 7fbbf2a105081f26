import * as tf from '@tensorflow/tfjs-core'
import { runPackKernel } from './pack-kernel.ts'

/**
 * Which values are normalised together: x is seen as [images, positions, groups, channels / groups], and a set is all that
 * one image has in one group. Batch normalisation takes the batch for one image and has a group for each channel.
 */
export interface NormalizedSets {
  readonly images: number
  readonly groups: number
  readonly epsilon: number
  /** Told the mean and the variance of each set, float32[images, 1, groups, 1]; they are gone when it returns. */
  readonly observe?: (mean: tf.Tensor, variance: tf.Tensor) => void
}

/**
 * γ (x − mean) / √(variance + ε) + β, the statistics those of x itself (variance without Bessel's correction); γ and β
 * float32[channels], channels the last axis of x. Its gradient is written out (Ioffe and Szegedy 2015, section 3, and
 * alike for any set of values), with x̂ the normalised values and d = dy γ:
 *   dx = (d − mean(d) − x̂ mean(d x̂)) / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy.
 * TF.js differentiates each of its steps instead, and repeats γ over the whole tensor on the way.
 */
export function normalize(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, sets: NormalizedSets): tf.Tensor {
  const op = tf.customGrad((...inputs) => {
    const [x, gamma, beta, save] = inputs as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const { value, mean, variance, scale } = normalized(x, gamma, beta, sets)
    sets.observe?.(mean, variance)
    save([x, gamma, mean, scale])
    return { value, gradFunc: (dy, saved) => gradients(dy, saved as Saved, sets) }
  })
  return op(x, gamma, beta)
}

interface Normalized {
  readonly value: tf.Tensor
  /** These three are of each set. */
  readonly mean: tf.Tensor
  readonly variance: tf.Tensor
  readonly scale: tf.Tensor
}

type Saved = [x: tf.Tensor, gamma: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor]

function normalized(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, sets: NormalizedSets): Normalized {
  const { images, groups, epsilon } = sets
  const fused = runPackKernel('FedstrataNormalize', { x, gamma, beta }, { images, groups, epsilon })
  if (fused) return { value: fused[0]!, mean: fused[1]!, variance: fused[2]!, scale: fused[3]! }
  const seen = tf.reshape(x, viewOf(x, sets))
  const mean = meanOf(seen)
  const centred = tf.sub(seen, mean)
  const variance = meanOf(tf.square(centred))
  const scale = tf.rsqrt(tf.add(variance, epsilon))
  const normal = tf.reshape(tf.mul(centred, scale), x.shape)
  return { value: tf.add(tf.mul(normal, gamma), beta), mean, variance, scale }
}

function gradients(dy: tf.Tensor, [x, gamma, mean, scale]: Saved, sets: NormalizedSets): tf.Tensor[] {
  const { images, groups } = sets
  const fused = runPackKernel('FedstrataNormalizeGradient', { dy, x, gamma, mean, scale }, { images, groups })
  if (fused) return fused
  const view = viewOf(x, sets)
  const normal = tf.mul(tf.sub(tf.reshape(x, view), mean), scale)
  const d = tf.reshape(tf.mul(dy, gamma), view)
  const along = tf.mul(normal, meanOf(tf.mul(d, normal)))
  const dx = tf.mul(tf.sub(tf.sub(d, meanOf(d)), along), scale)
  const outer = x.shape.slice(0, -1).map((_, axis) => axis)
  const dGamma = tf.sum(tf.mul(dy, tf.reshape(normal, dy.shape)), outer)
  return [tf.reshape(dx, dy.shape), dGamma, tf.sum(dy, outer)]
}

function viewOf(x: tf.Tensor, { images, groups }: NormalizedSets): [number, number, number, number] {
  const channels = x.shape.at(-1)!
  return [images, x.size / images / channels, groups, channels / groups]
}

function meanOf(values: tf.Tensor): tf.Tensor {
  return tf.mean(values, [1, 3], true)
}
