import { type Rng, shuffle } from '../../src/core/rng.ts'
import { permutationsOf } from './permutations.ts'

/** A multilayer perceptron as plain numbers: kernel[input][unit] and bias[unit] of each layer. */
export interface Layer {
  readonly kernel: readonly (readonly number[])[]
  readonly bias: readonly number[]
}

/** The layers of a flat vector, kernel then bias, for widths input, hidden …, classes. */
export function layersOf(params: ArrayLike<number>, widths: readonly number[]): readonly Layer[] {
  let at = 0
  return widths.slice(1).map((units, l) => {
    const kernel = Array.from({ length: widths[l]! }, () => Array.from({ length: units }, () => params[at++]!))
    return { kernel, bias: Array.from({ length: units }, () => params[at++]!) }
  })
}

/**
 * Weight matching of multilayer perceptrons as the paper writes it: P_l maximises the sum over its two layers of the products of
 * reference weights with the weights they would meet, by trying every permutation. Hidden layers are visited in the order
 * that the stream draws for each sweep.
 */
export function weightMatchingOf(a: readonly Layer[], b: readonly Layer[], rng: Rng): readonly number[][] {
  const hidden = a.length - 1
  const p = Array.from({ length: hidden }, (_, l) => a[l]!.bias.map((_, unit) => unit))
  for (let sweep = 1; ; sweep++) {
    let changed = false
    for (const l of shuffle(rng.fork(`sweep/${sweep}`), [...p.keys()])) {
      const score = (permutation: readonly number[]) => {
        let sum = 0
        for (const [place, unit] of permutation.entries()) {
          sum += a[l]!.bias[place]! * b[l]!.bias[unit]!
          for (const [input, row] of a[l]!.kernel.entries())
            sum += row[place]! * b[l]!.kernel[l > 0 ? p[l - 1]![input]! : input]![unit]!
          for (const [next, value] of a[l + 1]!.kernel[place]!.entries())
            sum += value * b[l + 1]!.kernel[unit]![l + 1 < hidden ? p[l + 1]![next]! : next]!
        }
        return sum
      }
      const best = permutationsOf(p[l]!.length).reduce((left, right) => (score(right) > score(left) ? right : left))
      if (score(best) - score(p[l]!) <= 1e-6 * Math.abs(score(best))) continue
      p[l] = [...best]
      changed = true
    }
    if (!changed) return p
  }
}
