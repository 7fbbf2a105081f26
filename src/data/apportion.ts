import type { Rng } from '../core/rng.ts'

/**
 * Whole numbers in proportion to `weights` that sum to `total`: Hamilton's method of largest remainders, so no entry is
 * further than 1 from its exact share. Equal remainders are decided by lot: a fixed order would favour the same clients
 * in every class. All weights 0 gives all zeros.
 */
export function apportion(weights: ArrayLike<number>, total: number, rng: Rng): Uint32Array {
  const sum = Array.from(weights).reduce((left, right) => left + right, 0)
  const counts = new Uint32Array(weights.length)
  if (sum === 0) return counts
  const shares = Array.from(weights, (weight, index) => {
    const exact = (weight / sum) * total
    counts[index] = Math.floor(exact)
    return { index, weight, remainder: exact - Math.floor(exact), lot: rng.next() }
  })
  const missing = total - counts.reduce((left, right) => left + right, 0)
  shares
    .filter(share => share.weight > 0)
    .sort((left, right) => right.remainder - left.remainder || left.lot - right.lot)
    .slice(0, missing)
    .forEach(({ index }) => {
      counts[index]!++
    })
  return counts
}
