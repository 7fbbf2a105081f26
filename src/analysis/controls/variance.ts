import type { ActivationBatch } from '../../core/activations.ts'
import { finiteOrNull } from '../../core/records.ts'

/**
 * How much of its parents' variety a mix keeps, layer by layer:
 *
 *   Var(f(mix)) / ½ (Var(f(W1)) + Var(f(W2)))
 *
 * with Var the variance over examples of each value that the layer gives, summed over those values. It falls with depth where
 * the mix forgets its input (variance collapse: Jordan et al., ICLR 2023; the vanishing feature of Qu and Horváth 2024, arXiv
 * 2402.05966). Positions of an image count as values of their own. Batches of the two models and the mix, in this order.
 */
export function createVariances(layers: number) {
  // By layer and model: Σx and Σx² of each value, about the first example, so that a large mean loses no digits.
  const sums = Array.from({ length: layers }, () => [0, 1, 2].map(() => null as Moments | null))
  let count = 0
  return {
    add({ rows, outputs }: ActivationBatch): void {
      for (const [l, models] of sums.entries())
        for (const [m, moments] of models.entries()) models[m] = addRows(moments, outputs[m]![l]!, rows)
      count += rows
    },
    /** null where the parents' features do not vary. */
    ratios(): (number | null)[] {
      return sums.map(models => {
        const [first, second, mixed] = models.map(moments => (moments ? varianceOf(moments, count) : Number.NaN))
        return finiteOrNull(mixed! / ((first! + second!) / 2))
      })
    },
  }
}

interface Moments {
  readonly shift: Float32Array
  readonly sum: Float64Array
  readonly squares: Float64Array
}

function addRows(moments: Moments | null, output: Float32Array, rows: number): Moments {
  const width = output.length / rows
  const { shift, sum, squares } = moments ?? {
    shift: output.slice(0, width),
    sum: new Float64Array(width),
    squares: new Float64Array(width),
  }
  for (let row = 0, at = 0; row < rows; row++)
    for (let i = 0; i < width; i++, at++) {
      const value = output[at]! - shift[i]!
      sum[i] = sum[i]! + value
      squares[i] = squares[i]! + value * value
    }
  return { shift, sum, squares }
}

function varianceOf({ sum, squares }: Moments, count: number): number {
  return sum.reduce((total, value, i) => total + Math.max(0, squares[i]! - (value * value) / count), 0) / count
}
