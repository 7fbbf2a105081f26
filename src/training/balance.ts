import type { Examples } from '../data/examples.ts'

/** In place of the logarithm of 0: next to any other class, e^−40 is nothing in float32, and it is finite. */
const ABSENT = -40

/**
 * What the balanced softmax adds to the logits in training, log(n_c / n) for a client with n_c of n examples in class c, so
 * that a rare class has to be told as clearly as a common one: Ren et al. 2020, equation 4. float32[numClasses].
 */
export function balanceOf({ y }: Pick<Examples, 'y'>, indices: Uint32Array, numClasses: number): Float32Array {
  const counts = new Uint32Array(numClasses)
  for (const index of indices) counts[y[index]!]!++
  return Float32Array.from(counts, count => (count > 0 ? Math.log(count / indices.length) : ABSENT))
}
