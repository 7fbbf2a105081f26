import { assignment } from './assignment.ts'
import { identity, type Permutation } from './permute.ts'

/** What a rearrangement has to gain, as a part of the whole: less may be what float32 makes of equal sums. */
const LEAST_GAIN = 1e-6

/**
 * For each unit of the reference the unit of the other model that goes there, so that the sum of `likeness` over the pairs is
 * greatest; null when they lie as well as they can already. likeness: float64[units · units], by unit of the reference.
 */
export function bestOrder(likeness: Float64Array, units: number): Permutation | null {
  const order = assignment(
    likeness.map(value => -value),
    units,
  )
  const total = (permutation: Permutation) =>
    permutation.reduce((sum, from, place) => sum + likeness[place * units + from]!, 0)
  const [before, after] = [total(identity(units)), total(order)]
  return after - before > LEAST_GAIN * Math.max(Math.abs(before), Math.abs(after)) ? order : null
}
