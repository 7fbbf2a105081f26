import { z } from 'zod'
import { combination, scopeOption } from '../combination.ts'
import { minorityOf } from '../minority.ts'
import type { Part, Reducer } from '../transform.ts'
import { weiszfeld } from '../weiszfeld.ts'

const schema = z.strictObject({
  name: z.literal('geometricMedian'),
  smoothing: z.number().min(0).default(0).meta({
    description:
      'distance below which an update no longer pulls harder; ν in the paper; 0: the median itself, also where that is an update',
  }),
  iterations: z.int().min(1).max(10_000).default(1000).meta({ description: 'of Weiszfeld’s algorithm, at most' }),
  scope: scopeOption('model'),
})

/**
 * The point with the smallest weighted sum of distances to the updates: the aggregate of RFA (Pillutla et al. 2022). Weights are those
 * of the layer rule, as in the paper; `average: uniform` trusts no client's claim. They smooth the distances by ν and stop after
 * a few iterations to save communication; here the point lives in the coefficients, so that it is iterated to rest, and
 * nothing is smoothed unless `smoothing` says so: see `weiszfeld`.
 */
export const geometricMedian: Part<Reducer, typeof schema> = {
  name: 'geometricMedian',
  summary: 'Smallest sum of distances to the updates (RFA, Pillutla et al. 2022).',
  schema,
  make: ({ scope, ...options }) =>
    combination({
      name: 'geometricMedian',
      robust: { tolerates: minorityOf, bound: 'ball' },
      scope,
      coefficients: (products, weights) => ({ updates: weiszfeld(products, weights, options) }),
    }),
}
