import type { Params } from '../../core/layout.ts'
import type { VisitActivations } from './activations.ts'

/**
 * The largest difference between the logits of two models on the same examples: how well one is the other with its units in
 * another order. 0 for no examples. `visitLogits` gives the logits, float32[rows · classes].
 */
export async function outputDifference(a: Params, b: Params, visitLogits: VisitActivations): Promise<number> {
  let largest = 0
  await visitLogits([a, b], ({ outputs }) => {
    const [[left], [right]] = outputs as [readonly [Float32Array], readonly [Float32Array]]
    for (let i = 0; i < left.length; i++) largest = Math.max(largest, Math.abs(left[i]! - right[i]!))
  })
  return largest
}
