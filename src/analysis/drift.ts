import { type CohortSums, plainSums } from '../core/cohort-sums.ts'
import { type LayerBlock, type LayerLayout, type Params, view, weightsIn } from '../core/layout.ts'
import { cosineOf, type Member } from './cosine.ts'
import { requireSize } from './mixture.ts'

/** A client's model after local training, and its part of the cohort's mean: weights need not sum to 1. */
export type WeightedMember = Member & { readonly weight: number }

export interface ClientDrift {
  /** The block; null for all of them. */
  readonly layer: string | null
  readonly client: number
  /** |u|, in units of the parameters. */
  readonly l2: number
  /** Cosine between u and the mean update; null when either is zero. */
  readonly cosine: number | null
}

export interface CohortDrift {
  /** Client by client in the given order, then layer by layer, the whole vector last. */
  readonly clients: readonly ClientDrift[]
  /** The mean cosine between the updates of two clients; null when fewer than two clients moved the layer. */
  readonly between: readonly { readonly layer: string | null; readonly cosine: number | null }[]
}

/**
 * How far each client moved from the model it started from, and whether it moved where the others did: for the updates
 * u_k = local − global of the weights and their weighted mean m, per layer block and for the whole vector,
 *
 *   l2 = |u_k|,  cosine = u_k · m / (|u_k| |m|),  between = mean over pairs j < k of u_j · u_k / (|u_j| |u_k|)
 *
 * The last is (|Σ û|² − K) / (K (K − 1)) with the unit updates û, since |Σ û|² holds each pair twice and K ones: so two
 * passes over the cohort are enough, the first for norms, the second for the rest. Float64 throughout; below 0
 * the cohort pulls apart. global: the model that the round started from, float32[layout.size]; `sums` goes through the
 * parameters. Throws `layout_mismatch`.
 */
export function cohortDrift(
  layout: LayerLayout,
  global: Params,
  members: readonly WeightedMember[],
  sums: CohortSums = plainSums,
): CohortDrift {
  requireSize(layout, global, 'the global model')
  for (const { client, params } of members) requireSize(layout, params, `client ${client}`)
  const updatesOf = (block: LayerBlock) => ({
    rows: members.map(({ params }) => view(params, block)),
    origin: view(global, block),
  })
  const total = members.reduce((sum, { weight }) => sum + weight, 0)
  const shares = Float64Array.from(members, ({ weight }) => weight / total)
  const first = layout.blocks.map(block => sums.norms(updatesOf(weightsIn(block)), shares))
  const whole = Float64Array.from(members, (_, k) => first.reduce((sum, { squared }) => sum + squared[k]!, 0))
  const unit = whole.map(inverseRoot)
  const second = first.map(norms => norms.products([norms.squared.map(inverseRoot), unit]))

  const names = [...layout.blocks.map(block => block.name), null]
  const meanSquared = second.map(products => products.meanSquared)
  const meanNorms = [...meanSquared, meanSquared.reduce((sum, value) => sum + value, 0)].map(Math.sqrt)
  const norms = members.map((_, k) => [...first.map(({ squared }) => squared[k]!), whole[k]!].map(Math.sqrt))
  return {
    clients: members.flatMap(({ client }, k) =>
      names.map((layer, b) => {
        const dot = layer === null ? second.reduce((sum, { dots }) => sum + dots[k]!, 0) : second[b]!.dots[k]!
        return { layer, client, l2: norms[k]![b]!, cosine: cosineOf(dot, norms[k]![b]!, meanNorms[b]!) }
      }),
    ),
    between: names.map((layer, b) => {
      const moved = norms.filter(each => each[b]! > 0).length
      const units = layer === null ? second.reduce((sum, { squared }) => sum + squared[1], 0) : second[b]!.squared[0]
      return { layer, cosine: moved < 2 ? null : cosineOf(units - moved, moved * (moved - 1), 1) }
    }),
  }
}

function inverseRoot(squared: number): number {
  return squared === 0 ? 0 : 1 / Math.sqrt(squared)
}
