import type { LayerLayout, Params } from '../core/layout.ts'
import { requireSize } from './mixture.ts'
import { cosineOf, type Member, type Span, spansOf } from './spans.ts'

export interface PairwiseCosine {
  /** The block; null for the whole vector. */
  readonly layer: string | null
  /** In [−1, 1]; null when fewer than two clients moved this layer. */
  readonly cosine: number | null
}

/**
 * The mean cosine between the updates of two clients, over all pairs of the K clients whose update is not zero, per
 * layer block and (last) for the whole vector. Below 0 the cohort pulls apart.
 *
 * With the unit updates û = u / |u| it is (|Σ û|² − K) / (K (K − 1)), since |Σ û|² holds each pair twice and K ones: one
 * pass over the cohort instead of one over its K² pairs, and memory for one layer. Float64 throughout. global: the model
 * that the round started from, float32[layout.size]. Throws `layout_mismatch`.
 */
export function meanPairwiseCosine(
  layout: LayerLayout,
  global: Params,
  members: readonly Member[],
): readonly PairwiseCosine[] {
  requireSize(layout, global, 'the global model')
  for (const { client, params } of members) requireSize(layout, params, `client ${client}`)
  return spansOf(layout).map(span => ({ layer: span.layer, cosine: spanCosine(span, global, members) }))
}

function spanCosine({ start, end }: Span, global: Params, members: readonly Member[]): number | null {
  const sum = new Float64Array(end - start)
  let moved = 0
  for (const { params } of members) {
    let squared = 0
    for (let i = start; i < end; i++) squared += (params[i]! - global[i]!) ** 2
    if (squared === 0) continue
    const scale = 1 / Math.sqrt(squared)
    for (let i = start; i < end; i++) sum[i - start] = sum[i - start]! + scale * (params[i]! - global[i]!)
    moved += 1
  }
  if (moved < 2) return null
  const squaredSum = sum.reduce((total, value) => total + value * value, 0)
  const pairs = moved * (moved - 1)
  return cosineOf(squaredSum - moved, pairs, 1)
}
