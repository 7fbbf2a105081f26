import { z } from 'zod'
import { squaredLength } from '../../core/cohort-sums.ts'
import type { LayerBlock } from '../../core/layout.ts'
import { type Cohort, changed, updatesByBlock } from '../cohort.ts'
import { minorityOf } from '../minority.ts'
import type { Filter, Part } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('normClip'),
  maxNorm: z
    .union([z.number().positive(), z.literal('median')])
    .default(1)
    .meta({ description: 'largest L2 norm that an update may have; median: the median norm of the round' }),
  scope: z
    .enum(['model', 'layer'])
    .default('model')
    .meta({ description: 'norm over all blocks averaged in the round together, or of each block by itself' }),
})

/**
 * Δ_k ← Δ_k · min(1, maxNorm / ‖Δ_k‖₂), the server-side clipping of Sun et al. 2019 ("Can You Really Backdoor Federated
 * Learning?", without their noise). The norm is over the blocks averaged in this round: layers that stay local never
 * leave the client, so they neither cause clipping nor suffer it. An update within the bound keeps its bits.
 */
export const normClip: Part<Filter, typeof schema> = {
  name: 'normClip',
  summary: 'Scales an update down to a largest L2 norm.',
  schema,
  make: ({ maxNorm, scope }) => ({
    name: 'normClip',
    robust: { tolerates: minorityOf, bound: { pull: maxNorm === 'median' ? 0 : maxNorm } },
    columnwise: true, // once the norms are known
    apply(cohort, { averaged }) {
      const squares = squaresByBlock(cohort, averaged)
      const whole = cohort.clients.map((_, row) => Math.sqrt(squares.reduce((sum, block) => sum + block[row]!, 0)))
      const factors = new Map(
        averaged.map((block, index) => {
          const norms = scope === 'model' ? whole : Array.from(squares[index]!, Math.sqrt)
          const most = maxNorm === 'median' ? medianOf(norms) : maxNorm
          return [block.name, norms.map(norm => (norm > most ? most / norm : 1))] as const
        }),
      )
      return changed(cohort, (rows, block) => scale(rows, block, factors.get(block.name) ?? []))
    },
  }),
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

/** Of each client's update, in float64: of any finite update it is finite. */
function squaresByBlock(cohort: Cohort, blocks: readonly LayerBlock[]): readonly Float64Array[] {
  return Array.from(updatesByBlock(cohort, blocks), ([, updates]) => Float64Array.from(updates, squaredLength))
}

/** Multiplies each client's row by its factor, in place. */
function scale(rows: Float32Array, { size }: LayerBlock, factors: readonly number[]): void {
  for (const [row, factor] of factors.entries()) {
    if (factor === 1) continue
    for (let i = row * size; i < (row + 1) * size; i++) rows[i]! *= factor
  }
}
