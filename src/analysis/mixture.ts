import { FedError } from '../core/errors.ts'
import { type LayerBlock, type LayerLayout, type Params, view, weightsIn } from '../core/layout.ts'

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

/**
 * One block of a mixture, float32[block.size]; at the ends a view of the endpoint. Running statistics have a coefficient of their own, by
 * default t held within [0, 1]: beyond a model a variance, which is no weight, would sink below zero.
 */
export function mixedBlock(
  a: Params,
  b: Params,
  t: number,
  block: LayerBlock,
  statisticsAt: number = Math.min(1, Math.max(0, t)),
): Params {
  const [from, to] = [view(a, block), view(b, block)]
  if (t === statisticsAt && (t === 0 || t === 1)) return t === 0 ? from : to
  const mixed = new Float32Array(block.size)
  const { size } = weightsIn(block)
  mixInto(mixed.subarray(0, size), from, to, t)
  mixInto(mixed.subarray(size), from.subarray(size), to.subarray(size), statisticsAt)
  return mixed
}

function mixInto(mixed: Params, from: Params, to: Params, t: number): void {
  if (t === 0 || t === 1) mixed.set((t === 0 ? from : to).subarray(0, mixed.length))
  else for (let i = 0; i < mixed.length; i++) mixed[i] = (1 - t) * from[i]! + t * to[i]!
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
