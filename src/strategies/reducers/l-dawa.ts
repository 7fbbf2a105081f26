import { z } from 'zod'
import { combination } from '../combination.ts'
import { cosine } from '../products.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('ldawa') })

/**
 * In each layer, Σ_k p_k cos(w_k, g) w_k: L-DAWA (Rehman et al. 2023, equation 5), which weighs a client's layer by its angle
 * to the global one. The factors are not made to sum to 1, so layers on which clients diverge shrink, as in their method;
 * p_k is that of the layer rule (theirs: by examples, or all alike). A layer that is 0 counts in full.
 */
export const ldawa: Part<Reducer, typeof schema> = {
  name: 'ldawa',
  summary: 'Each client’s layer weighted by its angle to the global one (L-DAWA, Rehman et al. 2023).',
  schema,
  make: () =>
    combination({
      name: 'ldawa',
      scope: 'layer',
      coefficients(products, weights) {
        const { global } = products
        const updates = weights.map((weight, row) => {
          const withGlobal = products.withGlobal(row)
          const model = products.of(row, row) + 2 * withGlobal + global
          return weight * cosine(withGlobal + global, Math.max(0, model), global, 1)
        })
        return { updates, global: updates.reduce((sum, value) => sum + value, 0) - 1 }
      },
    }),
}
