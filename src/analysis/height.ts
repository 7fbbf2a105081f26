import { FedError } from '../core/errors.ts'
import type { BarrierRecord } from '../core/records.ts'

/** A measure (loss or error) along a path, and at the two full models at its ends; null where it was not finite. */
export interface Curve {
  /** Coefficients of endpoint 2. */
  readonly interpolation: readonly number[]
  readonly values: readonly (number | null)[]
  readonly endpoints: readonly (number | null)[]
  /** Which endpoint the layers that do not move come from; null or left out where all of them move. */
  readonly base?: 1 | 2 | null | undefined
}

/**
 * One number for a curve E(t) with the full models' values E1 and E2:
 * - `midpoint`: E(½) − (E1 + E2) / 2. What Adilova et al. (ICLR 2024) plot, for every kind of path: the reference is the
 *   two full models, not the ends of the path, so a layer that changes nothing gives ±(E1 − E2) / 2.
 * - `max-linear`: max over t of E(t) − ((1 − t) E1 + t E2), their definition for the full path. At least 0 there, because
 *   the grid holds both ends. On a layer path the far end is neither full model, and the maximum may sit there.
 * - `base-rise`: E(½) − E(base), what averaging these layers costs the model that takes them in. With no layer it is 0, where
 *   `midpoint` is half the gap. null on a path without a base.
 * - `swap`: E(far end) − (E1 + E2) / 2, the far end being the base with these layers of the other model, taken over whole.
 *   null on a path without a base.
 */
export const HEIGHT_DEFINITIONS = ['midpoint', 'max-linear', 'base-rise', 'swap'] as const
export type HeightDefinition = (typeof HEIGHT_DEFINITIONS)[number]

/**
 * Height of a barrier, in the unit of the curve; negative when the mix is better than its parents. null when a value it
 * needs is null. Throws `input_invalid` for `midpoint` and `base-rise` on a curve without t = ½.
 */
export function barrierHeight(curve: Curve, definition: HeightDefinition): number | null {
  return DEFINITIONS[definition](curve)
}

const DEFINITIONS: Record<HeightDefinition, (curve: Curve) => number | null> = {
  midpoint: curve => rise(middleOf(curve), curve.endpoints),
  'max-linear'({ interpolation, values, endpoints }) {
    const [first, second] = endpoints
    if (!allFinite(values) || typeof first !== 'number' || typeof second !== 'number') return null
    const excess = values.map((value, i) => {
      const t = interpolation[i]!
      return value - ((1 - t) * first + t * second)
    })
    return excess.reduce((highest, value) => Math.max(highest, value), Number.NEGATIVE_INFINITY)
  },
  'base-rise'(curve) {
    const { base, endpoints } = curve
    return base ? rise(middleOf(curve), [endpoints[base - 1] ?? null]) : null
  },
  swap({ values, endpoints, base }) {
    return base ? rise((base === 1 ? values.at(-1) : values[0]) ?? null, endpoints) : null
  },
}

function middleOf({ interpolation, values }: Curve): number | null {
  const middle = interpolation.indexOf(0.5)
  if (middle < 0)
    throw new FedError('input_invalid', { expected: 'a curve with t = 0.5', received: interpolation.join(', ') })
  return values[middle] ?? null
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
    base: record.base,
  }
}

function allFinite(values: readonly (number | null)[]): values is readonly number[] {
  return values.every(value => value !== null)
}
