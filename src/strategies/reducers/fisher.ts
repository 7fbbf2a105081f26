import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import { extrasOfRows } from '../cohort.ts'
import type { Part, Reducer } from '../transform.ts'
import { examplesOption } from './statistic-options.ts'

const schema = z.strictObject({
  name: z.literal('fisher'),
  examples: examplesOption,
  labels: z.enum(['sampled', 'data']).default('sampled').meta({
    description: 'of the examples: drawn from the model’s prediction, or the data’s own (the empirical Fisher)',
  }),
  floor: z.number().positive().default(1e-6).meta({ description: 'least importance of a weight' }),
})

/**
 * In each coordinate Σ_k p_k F_k Δ_k / Σ_k p_k F_k, F_k the diagonal Fisher information that client k measured after training, at least
 * `floor`: Fisher merging (Matena and Raffel 2022, equation 4), p_k as the layer rule weighs clients. The clients' F have length 1.
 * It tells the coordinator, weight by weight, how much a client's data depend on it.
 */
export const fisher: Part<Reducer, typeof schema> = {
  name: 'fisher',
  summary: 'Mean weighted by how much each weight matters to a client (Fisher merging, Matena and Raffel 2022).',
  schema,
  make: ({ examples, labels, floor }) => ({
    name: 'fisher',
    asks: [{ name: 'fisher', kept: false, examples, labels }],
    prepare: cohort => ({
      reduce(stack, weights, { block, rows }) {
        const importance = extrasOfRows(cohort, 'fisher', block, rows)
        const flat = new Float32Array(rows.length * block.size)
        for (const [row, values] of importance.entries()) flat.set(values, row * block.size)
        const shares = tf.mul(
          tf.maximum(tf.tensor2d(flat, [rows.length, block.size]), floor),
          tf.tensor2d(Float32Array.from(weights), [rows.length, 1]),
        )
        return tf.div(tf.sum(tf.mul(stack, shares), 0), tf.sum(shares, 0))
      },
    }),
  }),
}
