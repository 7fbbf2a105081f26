import { FedError } from '../core/errors.ts'
import { type LayerBlock, type LayerLayout, type Params, view } from '../core/layout.ts'

/**
 * A model between two endpoints, written as the coefficient of endpoint 2 in each layer block, in layout order: all 0 is
 * endpoint 1, all 1 is endpoint 2, [0, ½, 0] averages the second block into endpoint 1. Every point of every path is one
 * of these, so two points that are the same model have the same mixture, whichever path they were reached on.
 */
export type Mixture = readonly number[]

/**
 * The model of a mixture: (1 − t) a + t b in each block, float32[layout.size]. Computed in float64 and rounded once; at
 * t = 0 and t = 1 the endpoint's bits are copied, so that a negative zero survives, and an infinity on the other side
 * does not become NaN.
 */
export function mix(a: Params, b: Params, mixture: Mixture, layout: LayerLayout): Params {
  const mixed = new Float32Array(layout.size)
  for (const block of layout.blocks) mixed.set(mixedBlock(a, b, mixture[block.index]!, block), block.offset)
  return mixed
}

/** One block of a mixture, float32[block.size]; at the ends a view of the endpoint. */
export function mixedBlock(a: Params, b: Params, t: number, block: LayerBlock): Params {
  if (t === 0 || t === 1) return view(t === 0 ? a : b, block)
  const mixed = new Float32Array(block.size)
  const [from, to] = [view(a, block), view(b, block)]
  for (let i = 0; i < mixed.length; i++) mixed[i] = (1 - t) * from[i]! + t * to[i]!
  return mixed
}

/** Whether each block holds the same bits in both models, e.g. a head that no client trains. */
export function equalBlocks(a: Params, b: Params, layout: LayerLayout): readonly boolean[] {
  const [bitsOfA, bitsOfB] = [bits(a), bits(b)]
  return layout.blocks.map(block => {
    const end = block.offset + block.size
    for (let i = block.offset; i < end; i++) if (bitsOfA[i] !== bitsOfB[i]) return false
    return true
  })
}

function bits(params: Params): Uint32Array {
  return new Uint32Array(params.buffer, params.byteOffset, params.length)
}

/** Throws `layout_mismatch` unless `params` has one value for each parameter of the layout. */
export function requireSize(layout: LayerLayout, params: Params, what: string): void {
  if (params.length === layout.size) return
  throw new FedError('layout_mismatch', {
    expected: `${layout.size} parameters in ${what}`,
    received: String(params.length),
  })
}
