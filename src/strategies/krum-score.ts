import { z } from 'zod'
import { cosine, type Products, squaredDistance } from './products.ts'
import type { Needs, Robustness } from './transform.ts'

/** The options of the reducers that choose by the nearest neighbours of an update. */
export const krumOptions = {
  faulty: z.int().min(0).default(1).meta({ description: 'clients that may send anything; f in the paper' }),
  distance: z.enum(['euclidean', 'cosine']).default('euclidean').meta({
    description: 'between two updates: the square of their difference, or 1 minus the cosine of their angle',
  }),
}

export type Distance = z.output<typeof krumOptions.distance>

/** Krum tolerates f faulty among n ≥ 2 f + 3 (Blanchard et al. 2017, Proposition 4.2), Bulyan among n ≥ 4 f + 3. */
export function clientsFor(method: string, times: 2 | 4, faulty: number): Needs {
  return {
    clients: times * faulty + 3,
    why: `${method} with faulty: ${faulty} holds from ${times} · ${faulty} + 3 clients a round`,
  }
}

/** Of the same: none where a round has fewer clients. An update is judged by its angle alone where that is the distance. */
export function krumRobustness(times: 2 | 4, { faulty, distance }: KrumOptions): Robustness {
  return {
    tolerates: clients => (clients >= times * faulty + 3 ? faulty : 0),
    bound: distance === 'cosine' ? 'direction' : 'range',
  }
}

export interface KrumOptions {
  readonly faulty: number
  readonly distance: Distance
}

/**
 * The rows among `candidates`, those first whose n − f − 2 nearest others are nearest in sum: n is the number of candidates,
 * f is `faulty` (Blanchard et al. 2017, Section 4). Equal scores stay in client order. At least one neighbour is asked,
 * where so few candidates are left.
 */
export function byKrumScore(
  products: Products,
  candidates: readonly number[],
  { faulty, distance }: KrumOptions,
): readonly number[] {
  const neighbours = Math.max(1, candidates.length - faulty - 2)
  const scores = new Map(
    candidates.map(candidate => {
      const distances = candidates
        .filter(other => other !== candidate)
        .map(other => DISTANCES[distance](products, candidate, other))
        .sort((a, b) => a - b)
      return [candidate, distances.slice(0, neighbours).reduce((sum, value) => sum + value, 0)] as const
    }),
  )
  return candidates.toSorted((a, b) => scores.get(a)! - scores.get(b)!)
}

/** Each of `rows` alike, the others not at all. */
export function evenly(count: number, rows: readonly number[]): Float64Array {
  const weights = new Float64Array(count)
  for (const row of rows) weights[row] = 1 / rows.length
  return weights
}

const DISTANCES: Readonly<Record<Distance, (products: Products, i: number, j: number) => number>> = {
  euclidean: squaredDistance,
  cosine: (products, i, j) => 1 - cosine(products.of(i, j), products.of(i, i), products.of(j, j), 0),
}
