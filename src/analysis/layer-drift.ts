import type { LayerLayout, Params } from '../core/layout.ts'
import { requireSize } from './mixture.ts'
import { cosineOf, type Member, type Span, spansOf } from './spans.ts'

export interface LayerDrift {
  /** The block; null for the whole vector. */
  readonly layer: string | null
  readonly client: number
  /** |u|, in units of the parameters. */
  readonly l2: number
  /** Cosine between u and the mean update; null when either is zero. */
  readonly cosine: number | null
}

/**
 * How far each client moved from the model it started from, and whether it moved where the cohort did: for the update
 * u = local − global and the mean update m = mean − global, per layer block and (last) for the whole vector,
 *
 *   l2 = |u|,  cosine = u · m / (|u| |m|)
 *
 * global: the model that the round started from; mean: the mean of the members' models, weighted as the caller weights;
 * both float32[layout.size]. Float64 throughout. Client by client in the given order, then layer by layer. Throws
 * `layout_mismatch`.
 */
export function layerDrift(
  layout: LayerLayout,
  global: Params,
  members: readonly Member[],
  mean: Params,
): readonly LayerDrift[] {
  requireSize(layout, global, 'the global model')
  requireSize(layout, mean, 'the mean model')
  const spans = spansOf(layout)
  const meanNorms = spans.map(span => Math.sqrt(updateProducts(global, mean, mean, span).squared))
  return members.flatMap(({ client, params }) => {
    requireSize(layout, params, `client ${client}`)
    return spans.map((span, i) => {
      const { squared, dot } = updateProducts(global, params, mean, span)
      const l2 = Math.sqrt(squared)
      return { layer: span.layer, client, l2, cosine: cosineOf(dot, l2, meanNorms[i]!) }
    })
  })
}

/** u · u and u · m over the span, with u = local − global and m = mean − global. */
function updateProducts(global: Params, local: Params, mean: Params, { start, end }: Span) {
  let squared = 0
  let dot = 0
  for (let i = start; i < end; i++) {
    const update = local[i]! - global[i]!
    squared += update * update
    dot += update * (mean[i]! - global[i]!)
  }
  return { squared, dot }
}
