import type { Params } from '../core/layout.ts'

/** A client's model after local training, float32[layout.size]. */
export interface Member {
  readonly client: number
  readonly params: Params
}

/** u · v / (|u| |v|), kept in [−1, 1] against rounding; null when a vector is zero or not finite: it has no direction. */
export function cosineOf(dot: number, normU: number, normV: number): number | null {
  const cosine = dot / (normU * normV)
  return Number.isFinite(cosine) ? Math.min(1, Math.max(-1, cosine)) : null
}
