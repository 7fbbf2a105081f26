import { FedError } from './errors.ts'

/**
 * count_k · factor_k / Σ count · factor: what each counts for in a mean, summing to 1; null when nobody counts at all. Both are first
 * divided by a power of two next to their largest, which moves no bit of a share and keeps products and sum from overflowing.
 * Throws `input_invalid` for counts or factors that are not finite and non-negative.
 */
export function sharesOf(counts: ArrayLike<number>, factors: ArrayLike<number>): Float64Array | null {
  const scaled = scaledDown(factors)
  const raw = scaledDown(counts).map((count, k) => count * scaled[k]!)
  const total = raw.reduce((sum, each) => sum + each, 0)
  return total > 0 ? raw.map(each => each / total) : null
}

function scaledDown(values: ArrayLike<number>): Float64Array {
  let largest = 0
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw new FedError('input_invalid', { expected: 'finite weights of at least 0', received: String(value) })
    largest = Math.max(largest, value)
  }
  // log2 is rounded, up to 1024 for the largest number; below 2^-1022 a power of two may itself be rounded to 0.
  const scale = largest < 2 ** -1022 ? 1 : 2 ** Math.min(Math.floor(Math.log2(largest)), 1023)
  return Float64Array.from(values, value => value / scale)
}
