import * as tf from '@tensorflow/tfjs-core'

/** What `normalize` takes means over: the values are seen as `view`, and each mean runs along `axes` of it. */
export interface Statistics {
  readonly view: readonly number[]
  readonly axes: readonly number[]
  readonly epsilon: number
  /** Told the mean and the variance, in the shape of `view` with 1 along `axes`; they are gone when it returns. */
  readonly observe?: (mean: tf.Tensor, variance: tf.Tensor) => void
}

/**
 * γ (x − mean) / √(variance + ε) + β, the statistics those of x itself (variance without Bessel's correction); γ and β
 * float32[channels], channels the last axis of x. Its gradient is written out (Ioffe and Szegedy 2015, section 3, and
 * alike for any group of values), with x̂ the normalised values and d = dy γ:
 *   dx = (d − mean(d) − x̂ mean(d x̂)) / √(variance + ε),  dγ = Σ dy x̂,  dβ = Σ dy.
 * TF.js differentiates each of its steps instead, and repeats γ over the whole tensor on the way.
 */
export function normalize(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, statistics: Statistics): tf.Tensor {
  const view = [...statistics.view]
  const axes = [...statistics.axes]
  const outer = x.shape.slice(0, -1).map((_, axis) => axis)
  const mean = (values: tf.Tensor) => tf.mean(values, axes, true)
  const op = tf.customGrad((...inputs) => {
    const [x, gamma, beta, save] = inputs as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc]
    const seen = tf.reshape(x, view)
    const middle = mean(seen)
    const centred = tf.sub(seen, middle)
    const variance = mean(tf.square(centred))
    statistics.observe?.(middle, variance)
    const scale = tf.rsqrt(tf.add(variance, statistics.epsilon))
    const normal = tf.mul(centred, scale)
    save([normal, scale, gamma])
    return {
      value: tf.add(tf.mul(tf.reshape(normal, x.shape), gamma), beta),
      gradFunc: (dy, saved) => {
        const [normal, scale, gamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor]
        const d = tf.reshape(tf.mul(dy, gamma), view)
        const along = tf.mul(normal, mean(tf.mul(d, normal)))
        const dx = tf.mul(tf.sub(tf.sub(d, mean(d)), along), scale)
        const dGamma = tf.sum(tf.mul(dy, tf.reshape(normal, dy.shape)), outer)
        return [tf.reshape(dx, dy.shape), dGamma, tf.sum(dy, outer)]
      },
    }
  })
  return op(x, gamma, beta)
}
