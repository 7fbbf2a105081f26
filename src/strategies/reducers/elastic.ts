import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import { sizeOf } from '../../core/layout.ts'
import { extrasOfRows } from '../cohort.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('elastic'),
  tau: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .meta({ description: 'factor of the step of a tensor on which all clients depend alike; τ in the paper' }),
  decay: z.number().min(0).lt(1).default(0.95).meta({ description: 'of a client’s sensitivity from batch to batch' }),
  share: z
    .number()
    .gt(0)
    .max(1)
    .default(0.3)
    .meta({ description: 'of a client’s examples on which it measures before training' }),
})

/**
 * In each tensor (1 + τ − O / max_k O_k) Σ_k p_k Δ_k with O = Σ_k p_k O_k: elastic aggregation (Chen et al. 2023), whose steps are shorter
 * where the clients' losses are sensitive. O_k is here the squared norm of the loss's gradient, as in their code; p_k as the layer
 * rule weighs clients. A tensor to which nobody is sensitive is averaged as it is.
 */
export const elastic: Part<Reducer, typeof schema> = {
  name: 'elastic',
  summary: 'Mean with shorter steps where clients are sensitive (elastic aggregation, Chen et al. 2023).',
  schema,
  make: ({ tau, decay, share }) => ({
    name: 'elastic',
    asks: [{ name: 'sensitivity', kept: false, decay, share }],
    prepare: cohort => ({
      reduce(stack, weights, { block, rows }) {
        const sent = extrasOfRows(cohort, 'sensitivity', block, rows)
        const factors = new Float32Array(block.size)
        let at = 0
        for (const [t, { shape }] of block.tensors.entries()) {
          const largest = sent.reduce((most, values) => Math.max(most, values[t]!), 0)
          const mean = sent.reduce((sum, values, k) => sum + weights[k]! * values[t]!, 0)
          const end = at + sizeOf(shape)
          factors.fill(largest > 0 ? 1 + tau - mean / largest : 1, at, end)
          at = end
        }
        const shares = tf.tensor2d(Float32Array.from(weights), [rows.length, 1])
        return tf.mul(tf.sum(tf.mul(stack, shares), 0), tf.tensor1d(factors))
      },
    }),
  }),
}
