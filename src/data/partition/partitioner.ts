import type { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { Component } from '../../core/registry.ts'
import type { Rng } from '../../core/rng.ts'

/** Client k holds the training examples partition[k], ascending. */
export type Partition = readonly Uint32Array[]

/** What a law of splitting promises. */
export interface Promises {
  /** No example belongs to two clients. */
  readonly disjoint: boolean
  /** Every example belongs to a client; `heldClasses`: those of the classes that some client holds, others are left out. */
  readonly exhaustive: boolean | 'heldClasses'
}

/**
 * A law of splitting. `partition` keeps its `promises`, gives every client at least one example, and depends on nothing but its arguments.
 * Throws `data_invalid` when the data cannot be split so.
 */
export interface PartitionerComponent<S extends z.ZodObject = z.ZodObject> extends Component<S> {
  readonly promises: Promises
  partition(labels: Uint8Array, numClients: number, options: z.output<S>, rng: Rng): Partition
}

/** Throws `data_invalid` unless there are `perClient` examples for each client. */
export function requireExamples(labels: Uint8Array, numClients: number, perClient: number): void {
  const needed = numClients * perClient
  if (labels.length < needed)
    throw new FedError('data_invalid', {
      expected: `at least ${needed} training examples (${perClient} for each of ${numClients} clients)`,
      received: String(labels.length),
    })
}

/** Consecutive pieces of `items` of the given sizes. */
export function cut(items: Uint32Array, sizes: ArrayLike<number>): readonly Uint32Array[] {
  let at = 0
  return Array.from(sizes, size => {
    at += size
    return items.subarray(at - size, at)
  })
}

/** `count` sizes that sum to `total` and differ by at most 1, the larger ones first. */
export function evenSizes(total: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, k) => Math.floor(total / count) + (k < total % count ? 1 : 0))
}

/** Each client's pieces as one ascending list. */
export function gathered(pieces: readonly (readonly Uint32Array[])[]): Partition {
  return pieces.map(own => {
    const list = new Uint32Array(own.reduce((total, piece) => total + piece.length, 0))
    let at = 0
    for (const piece of own) {
      list.set(piece, at)
      at += piece.length
    }
    return list.sort()
  })
}
