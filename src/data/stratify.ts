import { FedError } from '../core/errors.ts'
import { createRng, shuffle } from '../core/rng.ts'
import { type Examples, take } from './examples.ts'
import { indicesByClass } from './labels.ts'

/**
 * An order of all examples of which every beginning is stratified: the first n hold each class in proportion to its
 * frequency, to within 1 + numClasses/2 examples (1 when classes are balanced), and the first n + 1 are the first n and
 * one more. Example j of the n_c of class c, shuffled, comes at (j + ½) / n_c.
 *
 * The seed is part of what a data set is, so it is fixed here and never the run's: `train: 1000` means the same thousand
 * examples in every run.
 */
export function stratifiedOrder(labels: Uint8Array, seedLabel: string): Uint32Array {
  const rng = createRng(0, `data/${seedLabel}`)
  const places = indicesByClass(labels).flatMap((indices, label) =>
    Array.from(shuffle(rng.fork(`class/${label}`), indices), (index, j) => ({
      index,
      label,
      at: (j + 0.5) / indices.length,
    })),
  )
  places.sort((left, right) => left.at - right.at || left.label - right.label)
  return Uint32Array.from(places, place => place.index)
}

/** The first `count` examples of the stratified order, in that order; all of them, as they are, without a `count`. */
export function limit(examples: Examples, count: number | undefined, split: 'train' | 'test'): Examples {
  if (count === undefined) return examples
  if (count > examples.length)
    throw new FedError('data_invalid', {
      expected: `data.${split} of at most ${examples.length}, the examples there are`,
      received: String(count),
    })
  return take(examples, stratifiedOrder(examples.y, split).subarray(0, count))
}
