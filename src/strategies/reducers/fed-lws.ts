import { z } from 'zod'
import { combination } from '../combination.ts'
import { distanceTo, lengthOf } from '../distance-to.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('fedlws'),
  beta: z.number().min(0).default(0.03).meta({ description: 'how much disagreement shrinks a layer' }),
  maxTau: z
    .number()
    .positive()
    .default(1)
    .meta({ description: 'bound of β times the disagreement; τ is at most this' }),
})

/**
 * In each layer, γ · (g + Δ̄) with Δ̄ = Σ_k p_k Δ_k, γ = ‖g‖ / (‖g‖ + τ ‖Δ̄‖) and τ = min(maxTau, β · mean_k ‖Δ_k − Δ̄‖): FedLWS
 * (layer-wise weight shrinking). The averaged layer shrinks as far as it moved and the clients disagree. A layer that is 0
 * has no scale of its own and is averaged as it is.
 */
export const fedlws: Part<Reducer, typeof schema> = {
  name: 'fedlws',
  summary: 'Mean, each layer shrunk as far as the clients disagree on it (FedLWS).',
  schema,
  make: ({ beta, maxTau }) =>
    combination({
      name: 'fedlws',
      scope: 'layer',
      coefficients(products, weights) {
        const spread = distanceTo(products, weights).reduce((sum, d) => sum + d, 0) / weights.length
        const tau = Math.min(maxTau, beta * spread)
        const norm = Math.sqrt(products.global)
        const gamma = norm > 0 ? norm / (norm + tau * lengthOf(products, weights)) : 1
        return { updates: weights.map(weight => gamma * weight), global: gamma - 1 }
      },
    }),
}
