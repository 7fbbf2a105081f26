import { z } from 'zod'
import { combination, tensorScopeOption } from '../combination.ts'
import { cosine, type Products } from '../products.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('slerp'), scope: tensorScopeOption() })

/** Above it, two models point the same way as far as float32 can tell, and the straight line is used. */
const PARALLEL = 0.9995

/** A combination of the models, and its weight. */
interface Mix {
  readonly models: Float64Array
  readonly weight: number
}

/**
 * Spherical interpolation of models (Shoemake 1985): sin((1 − t) ω) / sin ω · a + sin(t ω) / sin ω · b, ω the angle between
 * a and b; the straight line where cos ω > 0.9995. It joins two: a cohort is joined in client order, neighbours first, then
 * the results, with t the share of the second one's weight. Of models, not of updates, and tensor by tensor unless `scope` says
 * otherwise: as mergekit does.
 */
export const slerp: Part<Reducer, typeof schema> = {
  name: 'slerp',
  summary: 'Spherical interpolation of the models, two by two.',
  schema,
  make: ({ scope }) =>
    combination({
      name: 'slerp',
      needs: { clients: 2, why: 'slerp joins two models' },
      scope,
      coefficients(products, weights) {
        let mixes = Array.from(weights, (weight, row): Mix => {
          const models = new Float64Array(weights.length)
          models[row] = 1
          return { models, weight }
        })
        while (mixes.length > 1) mixes = neighboursJoined(products, mixes)
        const { models } = mixes[0]!
        // Σ_k c_k (g + Δ_k) − g. In float64 the c_k of straight lines sum to 1 to a few ulps: that is no step along g.
        const global = models.reduce((sum, value) => sum + value, 0) - 1
        return { updates: models, global: Math.abs(global) < 1e-12 ? 0 : global }
      },
    }),
}

function neighboursJoined(products: Products, mixes: readonly Mix[]): Mix[] {
  const joined: Mix[] = []
  for (let i = 0; i < mixes.length; i += 2) {
    const [a, b] = [mixes[i]!, mixes[i + 1]]
    joined.push(b ? join(products, a, b) : a)
  }
  return joined
}

function join(products: Products, a: Mix, b: Mix): Mix {
  const weight = a.weight + b.weight
  const t = b.weight / weight
  const cos = cosine(between(products, a, b), between(products, a, a), between(products, b, b), 1)
  const angle = Math.acos(cos)
  const straight = Math.abs(cos) > PARALLEL // opposite models have no one arc between them either
  const [ofA, ofB] = straight
    ? [1 - t, t]
    : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)]
  return { models: a.models.map((value, row) => ofA * value + ofB * b.models[row]!), weight }
}

/** The inner product of two combinations of models w_k = g + Δ_k. */
function between(products: Products, a: Mix, b: Mix): number {
  let sum = 0
  for (const [i, first] of a.models.entries())
    if (first !== 0)
      for (const [j, second] of b.models.entries()) if (second !== 0) sum += first * second * ofModels(products, i, j)
  return sum
}

function ofModels(products: Products, i: number, j: number): number {
  return products.of(i, j) + products.withGlobal(i) + products.withGlobal(j) + products.global
}
