import { z } from 'zod'
import { combination, scopeOption } from '../combination.ts'
import { distanceTo } from '../distance-to.ts'
import type { Products } from '../products.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('geometricMedian'),
  smoothing: z
    .number()
    .positive()
    .default(1e-6)
    .meta({ description: 'distance below which an update no longer pulls harder; ν in the paper' }),
  iterations: z.int().min(1).max(10_000).default(100).meta({ description: 'of Weiszfeld’s algorithm, at most' }),
  scope: scopeOption('model'),
})

/** Coefficients that move less are at rest: well below what float32 weights can show. */
const REST = 1e-10

/**
 * The point with the smallest weighted sum of distances to the updates, by the smoothed Weiszfeld algorithm: v ← Σ_k β_k Δ_k /
 * Σ_k β_k with β_k = p_k / max(ν, ‖v − Δ_k‖), from the mean: RFA (Pillutla et al. 2022, Algorithm 2). Weights are those of the
 * layer rule, as in the paper; `average: uniform` trusts no client's claim. They stop after a few iterations to save
 * communication; here v lives in the coefficients, so it is iterated to rest.
 */
export const geometricMedian: Part<Reducer, typeof schema> = {
  name: 'geometricMedian',
  summary: 'Smallest sum of distances to the updates (RFA, Pillutla et al. 2022).',
  schema,
  make: ({ scope, ...options }) =>
    combination({
      name: 'geometricMedian',
      robust: true,
      scope,
      coefficients: (products, weights) => ({ updates: weiszfeld(products, weights, options) }),
    }),
}

function weiszfeld(
  products: Products,
  weights: Float64Array,
  { smoothing, iterations }: { readonly smoothing: number; readonly iterations: number },
): Float64Array {
  let current = weights
  for (let i = 0; i < iterations; i++) {
    const distances = distanceTo(products, current)
    const pulls = weights.map((weight, row) => weight / Math.max(smoothing, distances[row]!))
    const total = pulls.reduce((sum, pull) => sum + pull, 0)
    const next = pulls.map(pull => pull / total)
    const moved = next.reduce((most, value, row) => Math.max(most, Math.abs(value - current[row]!)), 0)
    current = next
    if (moved < REST) break
  }
  return current
}
