import { z } from 'zod'
import { combination } from '../combination.ts'
import { distanceTo, lengthOf } from '../distance-to.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z
  .strictObject({
    name: z.literal('fedlws'),
    beta: z.number().min(0).default(0.03).meta({ description: 'how much disagreement shrinks a layer' }),
    minTau: z.number().min(0).default(0.01).meta({ description: 'τ is at least this, also where all clients agree' }),
    maxTau: z.number().positive().default(0.2).meta({ description: 'τ is at most this' }),
  })
  .refine(({ minTau, maxTau }) => minTau <= maxTau, { path: ['minTau'], message: 'expected at most maxTau' })

/**
 * In each layer, γ · (g + Δ̄) with Δ̄ = Σ_k p_k Δ_k, γ = ‖g‖ / (‖g‖ + τ ‖Δ̄‖) and
 *
 *   τ = clamp(β · mean_k ‖Δ_k − mean_j Δ_j‖, minTau, maxTau)
 *
 * FedLWS (layer-wise weight shrinking, Shi et al. 2025): the averaged layer shrinks as far as it moved and the clients disagree.
 * The means in τ are plain ones, whatever the clients' weights p_k, and the bounds are theirs, both as in the released code. A
 * layer that is 0 has no scale of its own and is averaged as it is.
 */
export const fedlws: Part<Reducer, typeof schema> = {
  name: 'fedlws',
  summary: 'Mean, each layer shrunk as far as the clients disagree on it (FedLWS, Shi et al. 2025).',
  schema,
  make: ({ beta, minTau, maxTau }) =>
    combination({
      name: 'fedlws',
      scope: 'layer',
      coefficients(products, weights) {
        const plain = weights.map(() => 1 / weights.length)
        const spread = distanceTo(products, plain).reduce((sum, d) => sum + d, 0) / weights.length
        const tau = Math.min(maxTau, Math.max(minTau, beta * spread))
        const norm = Math.sqrt(products.global)
        const gamma = norm > 0 ? norm / (norm + tau * lengthOf(products, weights)) : 1
        return { updates: weights.map(weight => gamma * weight), global: gamma - 1 }
      },
    }),
}
