import { FedError } from '../core/errors.ts'
import type { BarrierRecord } from '../core/records.ts'

/** A measure (loss or error) along a path, and at the two full models at its ends; null where it was not finite. */
export interface Curve {
  /** Coefficients of endpoint 2. */
  readonly interpolation: readonly number[]
  readonly values: readonly (number | null)[]
  readonly endpoints: readonly (number | null)[]
}

/**
 * One number for a curve E(t) with the full models' values E1 and E2:
 * - `midpoint`: E(½) − (E1 + E2) / 2. What Adilova et al. (ICLR 2024) plot, for every kind of path: the reference is the
 *   two full models, not the ends of the path, so a layer that changes nothing gives ±(E1 − E2) / 2.
 * - `max-linear`: max over t of E(t) − ((1 − t) E1 + t E2), their definition for the full path. At least 0 there, because
 *   the grid holds both ends. On a layer path the far end is neither full model, and the maximum may sit there.
 */
export type HeightDefinition = 'midpoint' | 'max-linear'

/**
 * Height of a barrier, in the unit of the curve; negative when the mix is better than its parents. null when a value it
 * needs is null. Throws `input_invalid` for `midpoint` on a curve without t = ½.
 */
export function barrierHeight(curve: Curve, definition: HeightDefinition): number | null {
  return DEFINITIONS[definition](curve)
}

const DEFINITIONS: Record<HeightDefinition, (curve: Curve) => number | null> = {
  midpoint({ interpolation, values, endpoints }) {
    const middle = interpolation.indexOf(0.5)
    if (middle < 0)
      throw new FedError('input_invalid', { expected: 'a curve with t = 0.5', received: interpolation.join(', ') })
    return rise(values[middle]!, endpoints)
  },
  'max-linear'({ interpolation, values, endpoints }) {
    const [first, second] = endpoints
    if (!allFinite(values) || typeof first !== 'number' || typeof second !== 'number') return null
    const excess = values.map((value, i) => {
      const t = interpolation[i]!
      return value - ((1 - t) * first + t * second)
    })
    return excess.reduce((highest, value) => Math.max(highest, value), Number.NEGATIVE_INFINITY)
  },
}

/** `value` minus the mean of `parents`; null when one of them is. */
export function rise(value: number | null, parents: readonly (number | null)[]): number | null {
  if (value === null || !allFinite(parents)) return null
  return value - parents.reduce((sum, parent) => sum + parent, 0) / parents.length
}

/** The curve of a stored record, for heights by another definition than the stored midpoint. */
export function curveOf(record: BarrierRecord, measure: 'loss' | 'error'): Curve {
  return {
    interpolation: record.interpolation,
    values: record[measure],
    endpoints: measure === 'loss' ? record.endpointLoss : record.endpointError,
  }
}

function allFinite(values: readonly (number | null)[]): values is readonly number[] {
  return values.every(value => value !== null)
}
