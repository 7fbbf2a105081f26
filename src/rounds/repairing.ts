import { repairOf } from '../alignment/repairs/index.ts'
import { type Repair, repairable } from '../alignment/repairs/repair.ts'
import { canonicalJson } from '../core/canonical.ts'
import { FedError } from '../core/errors.ts'
import { allFinite } from '../core/finite.ts'
import { range } from '../core/indices.ts'
import type { Params } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import type { MetricRecord } from '../core/records.ts'
import type { Rng } from '../core/rng.ts'
import { sharesOf } from '../core/shares.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Network } from '../models/network.ts'
import type { Member } from '../strategies/cohort.ts'
import { keepsLayersLocal } from '../strategies/layer-rules.ts'
import type { Strategy } from '../strategies/strategy.ts'
import type { LocalPlan } from '../training/plan.ts'
import { examplesFor } from './alignment.ts'
import { evaluateMerged } from './evaluate-merged.ts'
import { metricRow } from './metric-row.ts'

/** What `strategy.repair` needs between the rounds of a run. */
export interface Repairing {
  readonly repair: Repair
  readonly plan: NetworkPlan
  /** float32[count · plan.inputSize], the same in every round. */
  readonly examples: Float32Array
  /** What each client counts in the average; they sum to 1. Null where nobody counts. */
  weightsOf(members: readonly Pick<Member, 'client' | 'numExamples'>[]): readonly number[] | null
}

/** What a run is made of, as far as repair looks at it. */
interface RunParts {
  readonly strategy: Strategy
  readonly local: LocalPlan
  readonly network: Pick<Network, 'plan' | 'layout'>
  readonly dataset: Dataset
  readonly rng: Rng
}

/**
 * The run's repair, null without `strategy.repair`. Throws `model_invalid` for a network that it cannot repair, and
 * `strategy_invalid` where there is no one averaged model, or where weights would change that must not.
 */
export function repairingOf({ strategy, local, network, dataset, rng }: RunParts): Repairing | null {
  const { rules, selector, reducer } = strategy
  if (!strategy.repair) return null
  const { layout } = network
  const plan = repairable(network.plan)
  const repair = repairOf(strategy.repair)
  repair.check(plan)
  const partial = rules.some(({ participation = 1 }) => participation < 1)
  if (selector !== null || partial || keepsLayersLocal(rules, layout))
    throw refused('every layer averaged in every round by all its clients', 'layers that stay local', 'Without that there is no one averaged model to repair') // biome-ignore format: one line
  if (strategy.personal)
    throw refused('one model for all clients', `personal: ${strategy.personal.name}`, 'What a client gets in place of the averaged model is not repaired') // biome-ignore format: one line
  const [weighing, ...others] = new Map(
    rules.map(({ average, clientWeights = {} }) => [
      canonicalJson({ average, clientWeights }),
      { average, clientWeights },
    ]),
  ).values()
  if (!weighing || others.length > 0)
    throw refused('layer rules that weigh clients alike', 'rules that do not', 'A unit has to count clients as its layer, and all before it, do') // biome-ignore format: one line
  if (reducer.robust)
    throw refused('a reducer in which every client counts', `reduce: ${reducer.name}`, 'The statistics of a repair are those of all clients: the ones that this reducer keeps out would be let in again') // biome-ignore format: one line
  if (!repair.grows && (local.mask || local.frozen?.length))
    throw refused('weights that are all trained', local.mask ? 'local.mask' : 'local.frozen', 'A repair changes every layer, weights that rest too') // biome-ignore format: one line
  return {
    repair,
    plan,
    examples: examplesFor(repair, dataset, rng.fork('align/examples')),
    weightsOf(members) {
      const shares = sharesOf(
        members.map(({ numExamples }) => (weighing.average === 'weighted' ? numExamples : 1)),
        members.map(({ client }) => weighing.clientWeights[client] ?? 1),
      )
      return shares && [...shares]
    },
  }
}

/** The averaged model, repaired: a new vector, or `average` where the repair is one that grows, or there is nothing to do. */
export async function repaired(
  { repair, plan, examples, weightsOf }: Repairing,
  average: Params,
  members: readonly Member[],
): Promise<Params> {
  const weights = weightsOf(members)
  if (repair.grows || weights === null) return average
  const models = members.map(({ params }) => params)
  const { params } = await repair.merge({ plan, models, weights, average, examples })
  if (allFinite(params)) return params
  throw new FedError('aggregate_diverged', {
    expected: 'a finite global model after its repair',
    received: `values that are not, from ${repair.name}`,
    hint: 'Lower the local learning rate',
  })
}

/**
 * Loss and accuracy, on the central test set, of a merge that grows, and how many parameters it has. No client trains it: the
 * run goes on with the average. `members` are the clients' models as they were averaged.
 */
export async function measureGrown(
  { repair, plan, examples, weightsOf }: Repairing,
  { round, average, test }: { readonly round: number; readonly average: Params; readonly test: Dataset['test'] },
  members: readonly { readonly client: number; readonly numExamples: number; readonly before: Params }[],
): Promise<MetricRecord[]> {
  const weights = weightsOf(members)
  if (!repair.grows || weights === null) return []
  const models = members.map(({ before }) => before)
  const merged = await repair.merge({ plan, models, weights, average, examples })
  const { loss, accuracy } = await evaluateMerged(merged, test, range(test.length), undefined)
  const at = { split: 'test' as const }
  return [
    metricRow(round, 'eval/merged/loss', loss, at),
    metricRow(round, 'eval/merged/accuracy', accuracy, at),
    metricRow(round, 'eval/merged/parameters', merged.params.length),
  ]
}

function refused(expected: string, received: string, hint: string): FedError {
  return new FedError('strategy_invalid', { expected: `${expected} together with strategy.repair`, received, hint })
}
