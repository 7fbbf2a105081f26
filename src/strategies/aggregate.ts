import { FedError } from '../core/errors.ts'
import { allFinite } from '../core/finite.ts'
import { type LayerBlock, type LayerLayout, type Params, view, weightBlocks, weightsIn } from '../core/layout.ts'
import { sharedCopy } from '../core/params.ts'
import type { Rng } from '../core/rng.ts'
import { sharesOf } from '../core/shares.ts'
import type { StateTree } from '../core/state-tree.ts'
import { type BlockStep, blockSteps } from './block-steps.ts'
import { type Cohort, cohortOf, type Member } from './cohort.ts'
import { diverged, requireFinite, type Suspects } from './diverged.ts'
import { type BlockRule, factorOf, type LayerPlan, layerPlan } from './layer-rules.ts'
import { memoryOf, readMemory, remember } from './memory.ts'
import type { PersonalVersions } from './personal/personal.ts'
import { withMeanStatistics } from './running-statistics.ts'
import type { LayerBarriers, Selected } from './selectors/selector.ts'
import type { Strategy } from './strategy.ts'
import type { RoundContext, Unlabelled } from './transform.ts'

export interface AggregateInput {
  /** The round that is being closed, from 1. */
  readonly round: number
  readonly layout: LayerLayout
  /** The global model before the round, float32[layout.size]; not written. */
  readonly global: Params
  /** In any order. */
  readonly members: readonly Member[]
  /** What the last round returned; null before the first. */
  readonly state: StateTree
  /** The run's stream. */
  readonly rng: Rng
  /** Clients of the run; those of the round when left out. */
  readonly totalClients?: number | undefined
  /** For selectors that go by barriers: measures them between the members. */
  readonly layerBarriers?: LayerBarriers | undefined
  /** Examples of the coordinator, for reducers that look at them. */
  readonly unlabelled?: Unlabelled | undefined
}

export interface AggregateResult {
  /** The new global model: a new array that threads share. */
  readonly params: Params
  readonly state: StateTree
  readonly plan: LayerPlan
  /** The blocks that changed hands: those of the plan that the selector took, less any in which nobody had a weight. */
  readonly averaged: readonly string[]
  /** The blocks that clients had to send for that, in layout order: the averaged ones, and those that the selector looked at. */
  readonly collected: readonly string[]
  /** By client, then block: what a client begins with in place of the averaged block, where the strategy makes it so. */
  readonly own: PersonalVersions['own']
}

/**
 * The one place where a strategy runs. For each block that the layer rules average in this round and the selector takes:
 * filtered updates → reducer → server optimizers → added to the global model; every other block keeps its bits. All of that is done
 * to weights; running statistics become the clients' mean by examples (`withMeanStatistics`). Memory is K × a piece of a block
 * (`blockSteps`). The result does not depend on the order of `members`, bit for bit; with the defaults it is the weighted mean of
 * the members' parameters to within a rounding of the largest of them (they are reduced as differences, in float32).
 * Throws `input_invalid` and `length_mismatch` (see `cohortOf`), `checkpoint_invalid` for the state of another strategy,
 * `aggregate_diverged` when a block, or anything that the strategy remembers, leaves the finite numbers.
 */
export async function aggregate(strategy: Strategy, input: AggregateInput): Promise<AggregateResult> {
  const { round, layout, global, rng } = input
  const plan = layerPlan(strategy.rules, layout, round, rng)
  const memory = readMemory(input.state, strategy.server)
  const members = cohortOf(input.members, layout, global)
  const candidates = layout.blocks.filter(block => plan.averaged.has(block.name))
  const { factors, looked = [], memory: layers } = await selected(strategy, input, members, candidates, memory.layers)
  // What has no weights gives a selector nothing to go by.
  const blocks = candidates.filter(block => factors.has(block.name) || weightsIn(block).size === 0)
  const start: RoundContext = {
    round,
    layout,
    global,
    averaged: weightBlocks(blocks),
    rng,
    unlabelled: input.unlabelled,
  }
  const cohort = await filtered(strategy, members, start)
  const shares = blocks.flatMap(block => {
    const weights = weightsOf(strategy, cohort, plan.averaged.get(block.name)!, block, start)
    return weights === null ? [] : [{ block, weights }]
  })
  const statistics = shares.map(({ block }) => ({ block, rule: plan.averaged.get(block.name)! }))
  const suspects = { members: input.members, global, blocks: start.averaged }
  const context = { ...start, global: withMeanStatistics(input, statistics, suspects) }
  const { reducer } = strategy
  const blockReducer = 'prepare' in reducer ? await reducer.prepare(cohort, context) : reducer

  const next = memory.server.map(byBlock => ({ ...byBlock }))
  const params = sharedCopy(context.global)
  const weightShares = shares
    .map(({ block, weights }) => ({ block: weightsIn(block), weights }))
    .filter(({ block }) => block.size > 0)
    .map(share => ({
      ...share,
      before: strategy.server.map((each, index) => memoryOf(memory, index, each, share.block)),
    }))
  for await (const { block, start, step, after } of blockSteps(strategy, blockReducer, cohort, weightShares, context)) {
    add(params, { block, start, step, factor: factors.get(block.name)! }, suspects)
    for (const [index, vectors] of after.entries()) remember(next[index]!, block, start, vectors)
  }
  const averaged = shares.map(({ block }) => block.name)
  const exchange = exchanged(strategy, input, shares, memory.exchange)
  const needed = new Set([...averaged, ...looked])
  const collected = candidates.map(({ name }) => name).filter(name => needed.has(name))
  const { own, memory: personal } = await versions(strategy, input, blocks, memory.personal)
  const others = { ...(exchange !== null && { exchange }), ...(personal !== null && { personal }) }
  const state = { server: next, layers, ...others }
  requireFinite(strategy, { state, own }, input.state, suspects)
  return { params, state, plan, averaged, collected, own }
}

async function selected(
  { selector }: Strategy,
  { round, global, layerBarriers = notMeasured }: AggregateInput,
  cohort: Cohort,
  candidates: readonly LayerBlock[],
  memory: StateTree,
): Promise<Selected> {
  if (selector)
    return selector.select({ round, candidates: weightBlocks(candidates), cohort, global, memory, layerBarriers })
  return { factors: new Map(candidates.map(({ name }) => [name, 1])), memory }
}

/** A block with its statistics, and the clients' weights in it, in the order of the cohort. */
interface WholeShare {
  readonly block: LayerBlock
  readonly weights: Float64Array
}

/** Blocks and weights as the cohort has them that came: filters change updates, not who took part. */
function exchanged(
  { exchange }: Strategy,
  { global, members, totalClients = members.length }: AggregateInput,
  shares: readonly WholeShare[],
  state: StateTree,
): StateTree {
  const sorted = members.toSorted((left, right) => left.client - right.client)
  return exchange?.close({ global, members: sorted, shares, totalClients, state }) ?? null
}

async function versions(
  { personal }: Strategy,
  { members, totalClients = members.length, rng }: AggregateInput,
  averaged: readonly LayerBlock[],
  memory: StateTree,
): Promise<PersonalVersions> {
  const blocks = averaged.filter(block => personal?.keeps(block))
  const sorted = members.toSorted((left, right) => left.client - right.client)
  const input = { members: sorted, blocks, totalClients, memory, rng }
  return (await personal?.close?.(input)) ?? { own: new Map(), memory }
}

async function notMeasured(): Promise<never> {
  throw new FedError('strategy_invalid', {
    expected: 'barriers to select layers by',
    received: 'no way to measure them',
  })
}

async function filtered(strategy: Strategy, members: Cohort, context: RoundContext): Promise<Cohort> {
  let cohort = members
  for (const filter of strategy.filters) {
    cohort = await filter.apply(cohort, context)
    if (cohort.clients.length === 0)
      throw new FedError('strategy_invalid', { expected: 'a filter that leaves a client', received: filter.name })
  }
  return cohort
}

/** Weights of a block that sum to 1, in cohort order; null when nobody has any. With a divisor each is 1 / divisor. */
function weightsOf(
  { divisor }: Strategy,
  { clients, weights }: Cohort,
  rule: BlockRule,
  { name: block }: LayerBlock,
  { round, rng }: RoundContext,
): Float64Array | null {
  if (divisor !== null) return weights.map(() => 1 / divisor)
  const factors = clients.map(client => factorOf(rule, { block, client, round }, rng))
  return sharesOf(rule.average === 'weighted' ? weights : weights.map(() => 1), factors)
}

interface Addition extends Pick<BlockStep, 'block' | 'start' | 'step'> {
  readonly factor: number
}

/** Adds `factor` times `step` to a block of `params` from `start` on, in place: the caller's new array. */
function add(params: Params, { block, start, step, factor }: Addition, suspects: Suspects): void {
  const values = view(params, block).subarray(start, start + step.length)
  for (let i = 0; i < values.length; i++) values[i]! += factor * step[i]!
  if (allFinite(values)) return
  const value = values.find(each => !Number.isFinite(each))
  throw diverged('a finite global model after the server’s step', `${value} in layer ${block.name}`, suspects)
}
