import type { Aligner } from '../alignment/aligner.ts'
import { alignerOf } from '../alignment/index.ts'
import { type UnitGroup, unitGroups } from '../alignment/unit-groups.ts'
import { FedError } from '../core/errors.ts'
import type { UnitPlan } from '../core/network-plan.ts'
import { type Rng, sample } from '../core/rng.ts'
import type { Dataset } from '../data/dataset.ts'
import { gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import type { Member } from '../strategies/cohort.ts'
import { keepsLayersLocal } from '../strategies/layer-rules.ts'
import { extrasOf, type Strategy } from '../strategies/strategy.ts'
import type { RoundJob } from './closed-round.ts'
import type { RunFile } from './run-file.ts'
import { memoryOf } from './server-state.ts'

/** What `strategy.align` needs between the rounds of a run. */
export interface Alignment {
  readonly aligner: Aligner
  readonly to: 'first' | 'global'
  readonly plan: UnitPlan
  readonly groups: readonly UnitGroup[]
  /** float32[count · plan.inputSize], the same in every round. */
  readonly examples: Float32Array
}

/** What a run is made of, as far as alignment looks at it. */
interface RunParts {
  readonly runFile: Pick<RunFile, 'clients' | 'local'>
  readonly strategy: Strategy
  readonly network: Pick<Network, 'units' | 'layout'>
  readonly dataset: Dataset
  readonly rng: Rng
}

/**
 * The run's alignment, null without `strategy.align`. Throws `model_invalid` for a network whose units cannot be put in
 * another order, and `strategy_invalid` where something of a client would stay behind in the old order.
 */
export function alignmentOf({ runFile, strategy, network, dataset, rng }: RunParts): Alignment | null {
  const { align, rules, selector, local: added } = strategy
  if (!align) return null
  const { clients, local } = runFile
  const { units, layout } = network
  const groups = unitGroups(units)
  if (local.memory === 'keep')
    throw refused(
      'local.memory: reset',
      'local.memory: keep',
      'What an optimizer remembers is in the old order of units',
    )
  if (local.mask ?? added.mask)
    throw refused('no local.mask', 'a mask', 'The weights that rest would move to other places')
  if (rules.some(({ participation = 1 }) => participation < 1))
    throw refused('whole models', 'a layer rule with participation', 'Only a whole model can be aligned')
  const exchange = strategy.exchange?.needs?.wholeRounds ? strategy.exchange : null
  const [extra = exchange ?? strategy.personal] = extrasOf(strategy)
  if (extra)
    throw refused(
      'models only',
      `${extra.name} beside them`,
      'What clients send beside models is in the old order of units',
    )
  const staysPut = align.to === 'global' && clients.init === 'shared'
  if (!staysPut && (selector !== null || keepsLayersLocal(rules, layout)))
    throw refused(
      'every layer averaged in every round',
      'layers that stay local',
      'Layers that stay with a client keep the order in which it began: use align.to: global with clients.init: shared',
    )
  const aligner = alignerOf(align)
  const examples = examplesFor(aligner, dataset, rng.fork('align/examples'))
  return { aligner, to: align.to, plan: units as UnitPlan, groups, examples }
}

/** Training examples for an aligner or a repair, without labels: float32[count · size], as many as there are at most. */
export function examplesFor({ examples }: Pick<Aligner, 'examples'>, { train }: Dataset, rng: Rng): Float32Array {
  return gather(train, sample(rng, train.length, Math.min(train.length, examples))).x
}

/** The members with their models in one order. They compute what they did; `members` in client order. */
export async function alignMembers(
  { aligner, to, ...known }: Alignment,
  { round, server }: Pick<RoundJob, 'round' | 'server'>,
  members: readonly Member[],
  { rng, init }: { readonly rng: Rng; readonly init: RunFile['clients']['init'] },
): Promise<readonly Member[]> {
  const models = members.map(({ params }) => params)
  // Until independent starts have been averaged, no client has ever seen the global model: it has an order of its own.
  const met = init === 'shared' || Object.keys(memoryOf(server).lastAveraged).length > 0
  const reference = to === 'global' && met ? server.params : models[0]!
  const aligned = await aligner.align({ ...known, reference, models, rng: rng.fork(`round/${round}/align`) })
  return members.map((member, i) => ({ ...member, params: aligned[i]! }))
}

function refused(expected: string, received: string, hint: string): FedError {
  return new FedError('strategy_invalid', { expected: `${expected} together with strategy.align`, received, hint })
}
