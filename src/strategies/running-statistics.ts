import { type LayerBlock, type Params, statisticsIn, view } from '../core/layout.ts'
import type { Rng } from '../core/rng.ts'
import type { Member } from './cohort.ts'
import { diverged, type Suspects } from './diverged.ts'
import { type BlockRule, factorOf } from './layer-rules.ts'

interface StatisticsInput {
  readonly round: number
  /** The global model before the round, float32[layout.size]; not written. */
  readonly global: Params
  readonly members: readonly Member[]
  /** The run's stream. */
  readonly rng: Rng
}

/**
 * The global model with the mean of the clients' running statistics in place of its own, in these blocks: Σ n_k s_k / Σ n_k over
 * those who take part in a block, n_k their examples (all alike where nobody has any), whatever the layer rule makes of the
 * weights of clients. In float64, rounded once, in ascending order of clients, so no variance leaves the range of theirs.
 *
 * That is all that becomes of statistics. They are estimates from data and not weights, so no part of a strategy makes a step of
 * them. `global` itself where no block has any, else a new array. Throws `aggregate_diverged` when one is not finite.
 */
export function withMeanStatistics(
  { round, global, members, rng }: StatisticsInput,
  blocks: readonly { readonly block: LayerBlock; readonly rule: BlockRule }[],
  suspects: Suspects,
): Params {
  const parts = blocks.map(each => ({ ...each, part: statisticsIn(each.block) })).filter(({ part }) => part.size > 0)
  if (parts.length === 0) return global
  const sorted = members.toSorted((left, right) => left.client - right.client)
  const params = global.slice()
  for (const { block, rule, part } of parts) {
    const takesPart = ({ client }: Member) => factorOf(rule, { block: block.name, client, round }, rng) > 0
    const mean = meanOf(part, sorted.filter(takesPart))
    const wrong = mean.find(value => !Number.isFinite(value))
    if (wrong !== undefined)
      throw diverged('finite running statistics from the clients', `${wrong} in layer ${block.name}`, suspects)
    view(params, part).set(mean)
  }
  return params
}

function meanOf(part: LayerBlock, members: readonly Member[]): Float64Array {
  const total = members.reduce((sum, { numExamples }) => sum + numExamples, 0)
  const mean = new Float64Array(part.size)
  for (const { numExamples, params } of members) {
    const share = total > 0 ? numExamples / total : 1 / members.length
    for (let i = 0; i < part.size; i++) mean[i]! += share * params[part.offset + i]!
  }
  return mean
}
