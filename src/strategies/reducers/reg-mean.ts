import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import { denseRows } from '../../core/extras.ts'
import { extrasOfRows } from '../cohort.ts'
import { solve } from '../solve.ts'
import type { Part, Reducer } from '../transform.ts'
import { examplesOption } from './statistic-options.ts'

const schema = z.strictObject({
  name: z.literal('regMean'),
  examples: examplesOption,
  offDiagonal: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .meta({ description: 'factor of all but the diagonal of the Gram matrices; α in the paper' }),
})

/** Share of the mean diagonal that is added to it: inputs that are always 0 leave the sum of Gram matrices singular. */
const RIDGE = 1e-6

/**
 * In each dense layer (Σ_k p_k G_k)⁻¹ Σ_k p_k G_k Δ_k, G_k the Gram matrix of what client k's layer is given, off-diagonals shrunk: the
 * layer whose outputs are nearest to the clients' own, RegMean (Jin et al. 2023, equation 3), on updates, with the bias as an
 * input of 1. Where no client has any input the result is the weighted mean. Layers of other kinds get the weighted mean, as in the paper.
 * Solved in float64 on the processor. A Gram matrix holds second moments of the client's inputs: of the first layer, of its raw data.
 */
export const regMean: Part<Reducer, typeof schema> = {
  name: 'regMean',
  summary: 'Dense layers whose outputs are nearest to the clients’ own (RegMean, Jin et al. 2023).',
  schema,
  make: ({ examples, offDiagonal }) => ({
    name: 'regMean',
    asks: [{ name: 'gram', kept: false, examples }],
    prepare: cohort => ({
      reduce(stack, weights, { block, rows }) {
        const inputs = denseRows(block)
        if (inputs === 0) return tf.sum(tf.mul(stack, tf.tensor2d(Float32Array.from(weights), [rows.length, 1])), 0)
        const outputs = block.size / inputs
        const updates = new Float32Array(cohort.clients.length * block.size)
        cohort.fill(block, updates)
        const [left, right] = [new Float64Array(inputs ** 2), new Float64Array(inputs * outputs)]
        const grams = extrasOfRows(cohort, 'gram', block, rows).map(triangle => square(triangle, inputs, offDiagonal))
        let diagonal = 0
        for (const [k, gram] of grams.entries())
          for (let i = 0; i < inputs; i++) diagonal += (weights[k]! * gram[i * inputs + i]!) / inputs
        const ridge = RIDGE * (diagonal || 1)
        for (const [k, gram] of grams.entries()) {
          for (let i = 0; i < inputs; i++) gram[i * inputs + i]! += ridge
          for (let i = 0; i < left.length; i++) left[i]! += weights[k]! * gram[i]!
          addProduct(right, gram, updates.subarray(rows[k]! * block.size, (rows[k]! + 1) * block.size), weights[k]!, [
            inputs,
            outputs,
          ])
        }
        return tf.tensor1d(Float32Array.from(solve(left, right, inputs)))
      },
    }),
  }),
}

/** The symmetric matrix of an upper triangle, all but its diagonal times `factor`. */
function square(triangle: Float32Array, size: number, factor: number): Float64Array {
  const matrix = new Float64Array(size ** 2)
  let at = 0
  for (let row = 0; row < size; row++)
    for (let column = row; column < size; column++) {
      const value = triangle[at++]! * (row === column ? 1 : factor)
      matrix[row * size + column] = value
      matrix[column * size + row] = value
    }
  return matrix
}

/** sum += weight · gram · update. */
function addProduct(
  sum: Float64Array,
  gram: Float64Array,
  update: Float32Array,
  weight: number,
  [inputs, outputs]: readonly [number, number],
): void {
  for (let i = 0; i < inputs; i++)
    for (let j = 0; j < inputs; j++) {
      const factor = weight * gram[i * inputs + j]!
      if (factor === 0) continue
      for (let o = 0; o < outputs; o++) sum[i * outputs + o]! += factor * update[j * outputs + o]!
    }
}
