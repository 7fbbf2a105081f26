import { z } from 'zod'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('weightedMean') })

/** Σ_k p_k Δ_k with p_k = n_k / Σ n: McMahan et al. 2017, Algorithm 1, on updates instead of models. */
export const weightedMean: Part<Reducer, typeof schema> = {
  name: 'weightedMean',
  summary: 'Mean of the updates, weighted by examples (or as the layer rule says).',
  schema,
  make: () => ({ name: 'weightedMean', coefficients: weights => ({ updates: weights }) }),
}
