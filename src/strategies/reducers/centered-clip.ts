import { z } from 'zod'
import { combination, scopeOption } from '../combination.ts'
import { distanceTo } from '../distance-to.ts'
import { minorityOf } from '../minority.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('centeredClip'),
  maxNorm: z.number().positive().default(1).meta({ description: 'how far an update may pull; τ in the paper' }),
  iterations: z.int().min(1).max(1000).default(3).meta({ description: 'steps of the centre; L in the paper' }),
  scope: scopeOption('model'),
})

/**
 * v ← v + 1/K Σ_k (Δ_k − v) min(1, τ / ‖Δ_k − v‖), `iterations` times: centered clipping (Karimireddy et al. 2021, Algorithm 2).
 * Every client counts alike. Their v begins at the aggregate of the last round, for clients with momentum; here it begins at
 * the global model, an update of 0, so that the first iteration is the clipped mean.
 */
export const centeredClip: Part<Reducer, typeof schema> = {
  name: 'centeredClip',
  summary: 'Mean of updates clipped around a moving centre (Karimireddy et al. 2021); weights play no part.',
  schema,
  make: ({ scope, maxNorm, iterations }) =>
    combination({
      name: 'centeredClip',
      robust: { tolerates: minorityOf, bound: { pull: iterations * maxNorm } },
      scope,
      coefficients(products, weights) {
        let centre = new Float64Array(weights.length)
        for (let i = 0; i < iterations; i++) {
          const pulls = distanceTo(products, centre).map(d => Math.min(1, maxNorm / d) / weights.length)
          const stays = 1 - pulls.reduce((sum, pull) => sum + pull, 0)
          centre = centre.map((coefficient, row) => stays * coefficient + pulls[row]!)
        }
        return { updates: centre }
      },
    }),
}
