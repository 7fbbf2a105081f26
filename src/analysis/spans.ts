import type { LayerLayout, Params } from '../core/layout.ts'

/** A client's model after local training, float32[layout.size]. */
export interface Member {
  readonly client: number
  readonly params: Params
}

/** A stretch of the flat vector that is measured as one: a layer block, or (`layer` null) the whole. */
export interface Span {
  readonly layer: string | null
  readonly start: number
  readonly end: number
}

/** Each layer block from input to output, then the whole vector. */
export function spansOf(layout: LayerLayout): readonly Span[] {
  const blocks = layout.blocks.map(({ name, offset, size }) => ({ layer: name, start: offset, end: offset + size }))
  return [...blocks, { layer: null, start: 0, end: layout.size }]
}

/** u · v / (|u| |v|), kept in [−1, 1] against rounding; null when a vector is zero or not finite: it has no direction. */
export function cosineOf(dot: number, normU: number, normV: number): number | null {
  const cosine = dot / (normU * normV)
  return Number.isFinite(cosine) ? Math.min(1, Math.max(-1, cosine)) : null
}
