import * as tf from '@tensorflow/tfjs-core'
import { denseRows, extraKey } from '../../core/extras.ts'
import { shuffle } from '../../core/rng.ts'
import { gather } from '../../data/examples.ts'
import { createPacer } from '../pacer.ts'
import type { Statistic } from './statistic.ts'

/** Examples at a time. */
const BATCH_SIZE = 100

/**
 * The Gram matrix of what each dense layer is given, Xᵀ X / n, a bias as an input of 1: RegMean (Jin et al. 2023, section 3). Its
 * upper triangle row by row, float32[m (m + 1) / 2] for m inputs. Layers of other kinds have none.
 */
export const gram: Statistic = async ({ network, params, examples, indices, extra, rng, signal }) => {
  const chosen = shuffle(rng.fork('examples'), indices.slice()).subarray(0, extra.examples ?? indices.length)
  const dense = network.layout.blocks.filter(block => denseRows(block) > 0)
  const sums = dense.map(block => new Float64Array(denseRows(block) ** 2))
  const pace = createPacer(signal)
  network.assign(params)
  for (let from = 0; from < chosen.length; from += BATCH_SIZE) {
    const { x, y } = gather(examples, chosen, from, Math.min(chosen.length, from + BATCH_SIZE))
    const products = tf.tidy(() => {
      const inputs = network.layerInputs(tf.tensor(x, [y.length, ...network.inputShape]))
      return dense.map(block => {
        const given = tf.reshape(inputs[block.index]!, [y.length, -1]) as tf.Tensor2D
        const all = denseRows(block) > given.shape[1] ? tf.concat2d([given, tf.ones([y.length, 1])], 1) : given
        return tf.matMul(all, all, true)
      })
    })
    for (const [i, product] of products.entries()) {
      const values = await product.data<'float32'>()
      for (let j = 0; j < values.length; j++) sums[i]![j]! += values[j]!
    }
    tf.dispose(products)
    await pace()
  }
  return new Map(
    dense.map((block, i) => [extraKey('gram', block.name), upperTriangle(sums[i]!, denseRows(block), chosen.length)]),
  )
}

function upperTriangle(matrix: Float64Array, size: number, count: number): Float32Array {
  const triangle = new Float32Array((size * (size + 1)) / 2)
  let at = 0
  for (let row = 0; row < size; row++)
    for (let column = row; column < size; column++) triangle[at++] = matrix[row * size + column]! / count
  return triangle
}
