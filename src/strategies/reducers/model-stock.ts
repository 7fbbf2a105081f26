import { z } from 'zod'
import { combination, tensorScopeOption } from '../combination.ts'
import { cosine, type Products } from '../products.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('modelStock'), scope: tensorScopeOption() })

/**
 * t · Σ_k p_k Δ_k with t = K c / ((K − 1) c + 1), c the mean cosine between two updates: Model Stock (Jang et al. 2024,
 * equation 5), which moves from the global model towards the mean as far as the updates agree. Their mean is the plain
 * one; here it is weighted as the layer rule says. t is kept within [0, 1], where it lies for every c ≥ 0; their code lets it
 * leave that where updates point apart. Angles are between tensors, as in their code, or between whole layers: `scope`.
 */
export const modelStock: Part<Reducer, typeof schema> = {
  name: 'modelStock',
  summary: 'Mean, shortened as far as the updates disagree (Model Stock, Jang et al. 2024).',
  schema,
  make: ({ scope }) =>
    combination({
      name: 'modelStock',
      needs: { clients: 2, why: 'modelStock goes by the angle between updates' },
      scope,
      coefficients(products, weights) {
        const c = meanCosine(products)
        const t = Math.min(1, Math.max(0, (products.count * c) / ((products.count - 1) * c + 1)))
        return { updates: weights.map(weight => t * weight) }
      },
    }),
}

/** Of all pairs; 1 for a single update, and for pairs of which one is 0, so that nothing is shortened for them. */
function meanCosine(products: Products): number {
  const { count } = products
  if (count < 2) return 1
  let sum = 0
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) sum += cosine(products.of(i, j), products.of(i, i), products.of(j, j), 1)
  return sum / ((count * (count - 1)) / 2)
}
