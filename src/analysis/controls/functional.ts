import type { Params } from '../../core/layout.ts'
import { rowOf, type VisitActivations } from './activations.ts'

export interface FunctionalSimilarity {
  /** Fraction of softmax entries that differ by less than `tolerance`. */
  readonly sameProbabilities: number
  /** Fraction of examples that both models put into the same class. */
  readonly sameClass: number
}

/**
 * How alike two models are as functions, on the same examples: what the code of Adilova et al. (ICLR 2024) counts, with its
 * tolerance. Softmax in float64. NaN for no examples; a prediction of NaN is like no other. `visitLogits` gives the logits, float32[rows · classes].
 */
export async function functionalSimilarity(
  a: Params,
  b: Params,
  visitLogits: VisitActivations,
  tolerance = 1e-4,
): Promise<FunctionalSimilarity> {
  let [alike, entries, agreed, examples] = [0, 0, 0, 0]
  await visitLogits([a, b], ({ rows, outputs }) => {
    for (let row = 0; row < rows; row++) {
      const [p, q] = outputs.map(([logits]) => softmax(rowOf(logits!, rows, row))) as [Float64Array, Float64Array]
      for (let i = 0; i < p.length; i++) if (Math.abs(p[i]! - q[i]!) < tolerance) alike++
      const [one, other] = [largest(p), largest(q)]
      if (one !== null && one === other) agreed++
      entries += p.length
    }
    examples += rows
  })
  return { sameProbabilities: alike / entries, sameClass: agreed / examples }
}

/** float64[classes] of float32[classes]. */
export function softmax(logits: Float32Array): Float64Array {
  const most = logits.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY)
  const shares = Float64Array.from(logits, value => Math.exp(value - most))
  const total = shares.reduce((sum, value) => sum + value, 0)
  return shares.map(value => value / total)
}

/** The class of a prediction; null of one with NaN in it, which puts an example into none. */
function largest(values: Float64Array): number | null {
  if (values.some(Number.isNaN)) return null
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0)
}
