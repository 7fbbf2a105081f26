import type { FlatNetwork } from '../compute/flat/network.ts'
import { type Examples, fillBatch, fillBytes } from '../data/examples.ts'

/** The examples indices[from … to) as the input of a flat network, and their labels. Bytes that are only scaled, are so by its kernel. */
export function load(
  flat: FlatNetwork,
  labels: Uint8Array,
  examples: Examples,
  indices: Uint32Array,
  from: number,
  to: number,
): void {
  const { x, scale, normalization } = examples
  if (x instanceof Uint8Array && !normalization) {
    fillBytes({ x: flat.bytes, y: labels }, { ...examples, x }, indices, from, to)
    flat.scaleBytes(to - from, scale)
  } else fillBatch({ x: flat.x, y: labels }, examples, indices, from, to)
}
