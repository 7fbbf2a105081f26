import type { Params } from '../core/layout.ts'
import type { UnitAxis, UnitGroup } from './unit-groups.ts'

/** By place, the unit that goes there: a permutation of 0 … units − 1. */
export type Permutation = Int32Array

export function identity(units: number): Permutation {
  return Int32Array.from({ length: units }, (_, unit) => unit)
}

/** First `first`, then `second`, as one. */
export function compose(first: Permutation, second: Permutation): Permutation {
  return second.map(place => first[place]!)
}

/** Puts the units of one group in another order, in place. The caller's own array. */
export function permuteGroup(params: Params, { axes, units }: UnitGroup, permutation: Permutation): void {
  for (const { offset, outer, inner } of axes) {
    const before = params.slice(offset, offset + outer * units * inner)
    for (let o = 0; o < outer; o++)
      for (let place = 0; place < units; place++) {
        const from = (o * units + permutation[place]!) * inner
        params.set(before.subarray(from, from + inner), offset + (o * units + place) * inner)
      }
  }
}

/**
 * The model with the units of every group in the order of its permutation, float32[P]: a new vector, that computes the same
 * function up to the order of the sums in it.
 */
export function permuted(params: Params, groups: readonly UnitGroup[], permutations: readonly Permutation[]): Params {
  const result = params.slice()
  for (const [g, group] of groups.entries()) permuteGroup(result, group, permutations[g]!)
  return result
}

/** The weights along some axes of a group, unit after unit: float32[units · width], width = Σ outer · inner. */
export function unitRows(params: Params, units: number, axes: readonly UnitAxis[]): Float32Array {
  const width = axes.reduce((sum, { outer, inner }) => sum + outer * inner, 0)
  const rows = new Float32Array(units * width)
  let column = 0
  for (const { offset, outer, inner } of axes) {
    for (let o = 0; o < outer; o++)
      for (let unit = 0; unit < units; unit++) {
        const from = offset + (o * units + unit) * inner
        for (let i = 0; i < inner; i++) rows[unit * width + column + o * inner + i] = params[from + i]!
      }
    column += outer * inner
  }
  return rows
}
