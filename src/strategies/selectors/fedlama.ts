import { z } from 'zod'
import type { LayerBlock } from '../../core/layout.ts'
import type { StateTree } from '../../core/state-tree.ts'
import type { Cohort } from '../cohort.ts'
import type { Part } from '../transform.ts'
import type { LayerSelector } from './selector.ts'

const schema = z.strictObject({
  name: z.literal('fedlama'),
  interval: z.int().min(1).default(1).meta({ description: 'rounds between two averagings of a layer; τ in the paper' }),
  factor: z
    .int()
    .min(1)
    .default(2)
    .meta({ description: 'how many times longer for layers that agree; φ in the paper' }),
})

interface Memory {
  /** Rounds between two averagings, by block. */
  readonly intervals: Readonly<Record<string, number>>
}

/**
 * Layers on which the clients agree are averaged every φτ rounds, the others every τ: FedLAMA (Lee et al. 2023, Algorithms 1
 * and 2). At each multiple of φτ all are averaged, and the intervals are chosen anew from the discrepancies
 * d_l = Σ_k p_k ‖Δ̄_l − Δ_k,l‖² / (τ_l · size_l) to the layer's new mean, p by examples. A round is here what τ local steps are
 * there; their code averages everything in its first rounds, the paper does not.
 */
export const fedlama: Part<LayerSelector, typeof schema> = {
  name: 'fedlama',
  summary: 'Layers on which clients agree are averaged less often (FedLAMA, Lee et al. 2023).',
  schema,
  make: ({ interval, factor }) => ({
    name: 'fedlama',
    select({ round, candidates, cohort, memory }) {
      const { intervals } = (memory as Memory | null) ?? { intervals: {} }
      const intervalOf = ({ name }: LayerBlock) => intervals[name] ?? interval
      const chosen = candidates.filter(block => round % intervalOf(block) === 0)
      const factors = new Map(chosen.map(({ name }) => [name, 1]))
      if (round % (factor * interval) !== 0) return { factors, memory }
      const measured = candidates.map(block => ({
        ...block,
        discrepancy: discrepancy(cohort, block) / (intervalOf(block) * block.size),
      }))
      const agreeing = layersThatAgree(measured)
      const next = candidates.map(({ name }) => [name, agreeing.has(name) ? factor * interval : interval])
      return { factors, memory: { intervals: { ...intervals, ...Object.fromEntries(next) } } satisfies StateTree }
    },
  }),
}

/**
 * The layers that may wait longer: Lee et al. 2023, Algorithm 2. From the smallest discrepancy up, layers join while the
 * share of the parameters that is left is at least the share of the discrepancy that is taken on. That is the paper's
 * reading; their code lets the layer at the crossing join too, so that a layer that alone disagrees could wait as well.
 */
export function layersThatAgree(
  layers: readonly { readonly name: string; readonly size: number; readonly discrepancy: number }[],
): ReadonlySet<string> {
  const sorted = layers.toSorted((a, b) => a.discrepancy - b.discrepancy)
  const total = sorted.reduce((sum, { size, discrepancy }) => sum + size * discrepancy, 0)
  const parameters = sorted.reduce((sum, { size }) => sum + size, 0)
  const joined = new Set<string>()
  let [taken, covered] = [0, 0]
  for (const { name, size, discrepancy } of sorted) {
    taken += size * discrepancy
    covered += size
    if (1 - covered / parameters < (total > 0 ? taken / total : 0)) break
    joined.add(name)
  }
  return joined
}

/** Σ_k p_k ‖Δ̄ − Δ_k‖² with p by examples (all alike where nobody has any), Δ̄ their mean. */
function discrepancy(cohort: Cohort, block: LayerBlock): number {
  const { weights } = cohort
  const rows = new Float32Array(weights.length * block.size)
  cohort.fill(block, rows)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const shares = weights.map(weight => (total > 0 ? weight / total : 1 / weights.length))
  const mean = new Float64Array(block.size)
  for (const [row, share] of shares.entries())
    for (let i = 0; i < block.size; i++) mean[i]! += share * rows[row * block.size + i]!
  let sum = 0
  for (const [row, share] of shares.entries())
    for (let i = 0; i < block.size; i++) sum += share * (rows[row * block.size + i]! - mean[i]!) ** 2
  return sum
}
