import * as tf from '@tensorflow/tfjs-core'

/**
 * Inner products of the rows of two matrices, ⟨a_i, b_j⟩, on the current engine: float64[n · n] from float32[n · width]
 * each. The engine sums in float32.
 */
export async function gram(a: Float32Array, b: Float32Array, n: number): Promise<Float64Array> {
  const products = tf.tidy(() => {
    const [left, right] = [a, b].map(rows => tf.tensor2d(rows, [n, rows.length / n])) as [tf.Tensor2D, tf.Tensor2D]
    return tf.matMul(left, right, false, true)
  })
  try {
    return Float64Array.from(await products.data())
  } finally {
    products.dispose()
  }
}
