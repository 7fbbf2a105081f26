import { createFlatTrainer, type FlatTrainer } from '../compute/flat/trainer.ts'
import { type LayerBlock, type LayerLayout, sizeOf } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import type { Network } from '../models/network.ts'
import { flatNorm, flatSlopes, OBJECTIVE_REGIONS } from './flat-slopes.ts'
import type { Learner, LearnerInput } from './learner.ts'
import { load } from './load.ts'
import { type OptimizerState, stored } from './memory.ts'

/** Adjacent weights that have had the same number of updates: one call of the optimizer's kernel. */
interface Span {
  readonly offset: number
  length: number
  readonly counters: Counter[]
}

/** How many updates a block has had. */
interface Counter {
  count: number
}

/** A trained tensor within the parameter vector. */
interface Slice {
  readonly block: LayerBlock
  readonly offset: number
  readonly length: number
}

/**
 * On wasm without TF.js: networks that have a plan, optimizers and regularizers that work in place. The kernels are those
 * that TF.js runs there, called in the same order, so both give the same bits.
 */
export function createFlatLearner(input: LearnerInput, plan: NetworkPlan): Learner {
  const { network, examples, state, blocks, optimizer, regularizer, objective, correction } = input
  const { layout } = network
  const { slots } = optimizer
  // Regions beside the gradients: the optimizer's memory, what the regularizer pulls towards, the correction, what the
  // objective needs.
  const added = slots.length + (regularizer ? 1 : 0)
  const first = added + (correction ? 1 : 0)
  const anchors = objective?.anchors ?? []
  const regions = first + (objective ? OBJECTIVE_REGIONS : 0) + anchors.length
  const trainer = trainerOf(network, plan, input.batchSize, regions)
  const { kernels, addresses, targets } = trainer
  const all = slicesOf(layout).filter(({ block }) => blocks.has(block))
  const counters = new Map<LayerBlock, Counter>()

  trainer.params.set(input.params)
  for (const extra of trainer.extras.slice(0, slots.length)) extra.fill(0)
  for (const block of layout.blocks) {
    const memories = slots.map(slot => stored(state, `${slot}/${block.name}`, block.size))
    counters.set(block, { count: state.get(`updates/${block.name}`)?.[0] ?? 0 })
    for (const { offset, length } of all.filter(slice => slice.block === block))
      for (const [slot, values] of memories.entries())
        if (values)
          trainer.extras[slot]!.set(values.subarray(offset - block.offset, offset - block.offset + length), offset)
  }
  if (regularizer) trainer.extras[slots.length]!.set(input.anchor)
  if (correction) trainer.extras[added]!.set(correction)
  for (const [i, anchor] of anchors.entries()) trainer.extras[first + OBJECTIVE_REGIONS + i]!.set(anchor)

  return {
    phase(blocks) {
      const ofPhase = all.filter(({ block }) => blocks.has(block))
      const spansOfPhase = spansOf(ofPhase, counters)
      const trained = new Set(ofPhase.map(({ offset }) => offset))
      const route = trainer.route(
        op => 'kernel' in op && [op.kernel, op.bias].some(at => at !== null && trained.has(at)),
      )
      const labels = new Uint8Array(input.batchSize)
      return ({ order, from, to }, learningRate, learning) => {
        const slices = learning ? ofPhase.filter(({ block }) => learning.has(block)) : ofPhase
        // Layers that rested in some step have had fewer updates than others.
        const spans = input.plan.dropping ? spansOf(slices, counters) : spansOfPhase
        const rows = to - from
        load(trainer, labels, examples, order, from, to)
        targets.fill(0, 0, rows * plan.numClasses)
        for (let row = 0; row < rows; row++) targets[row * plan.numClasses + labels[row]!] = 1
        const learn = () => trainer.learn(rows, route, input.shift)
        const loss = objective ? objective.slope(flatSlopes({ trainer, slices, spans, first, learn })).loss : learn()
        if (regularizer)
          for (const { offset, length } of spans)
            regularizer.inPlace!({
              ...{ kernels, length, gradient: addresses.gradients + 4 * offset },
              ...{ weight: addresses.params + 4 * offset, anchor: addresses.extras[slots.length]! + 4 * offset },
            })
        if (correction)
          for (const { offset, length } of spans) {
            const gradient = addresses.gradients + 4 * offset
            kernels.plus(gradient, addresses.extras[added]! + 4 * offset, gradient, length, false)
          }
        if (input.plan.clipNorm !== undefined) clip(trainer, slices, input.plan.clipNorm)
        for (const { offset, length, counters } of spans) {
          for (const counter of counters) counter.count++
          optimizer.inPlace!({
            ...{ kernels, length, learningRate, step: counters[0]!.count },
            ...{ weight: addresses.params + 4 * offset, gradient: addresses.gradients + 4 * offset },
            memory: addresses.extras.slice(0, slots.length).map(address => address + 4 * offset),
          })
        }
        return loss
      }
    },
    params: async into => into.set(trainer.params),
    state: async () => saved(trainer, slots, state, all, counters),
    free: () => {},
  }
}

/** Kept from job to job: a client process trains one client after the other on the same memory. */
const trainers = new WeakMap<Network, FlatTrainer>()

export function trainerOf(network: Network, plan: NetworkPlan, capacity: number, extras: number): FlatTrainer {
  const kept = trainers.get(network)
  if (kept && kept.capacity >= capacity && kept.extras.length >= extras) return kept
  const trainer = createFlatTrainer(plan, { capacity, extras })
  trainers.set(network, trainer)
  return trainer
}

function slicesOf(layout: LayerLayout): readonly Slice[] {
  return layout.blocks.flatMap(block => {
    let offset = block.offset
    return block.tensors.flatMap(({ shape, trainable }) => {
      const slice = { block, offset, length: sizeOf(shape) }
      offset += slice.length
      return trainable ? [slice] : []
    })
  })
}

function spansOf(slices: readonly Slice[], counters: ReadonlyMap<LayerBlock, Counter>): readonly Span[] {
  const spans: Span[] = []
  for (const { block, offset, length } of slices) {
    const last = spans.at(-1)
    const counter = counters.get(block)!
    if (last && last.offset + last.length === offset && last.counters[0]!.count === counter.count) {
      last.length += length
      if (!last.counters.includes(counter)) last.counters.push(counter)
    } else spans.push({ offset, length, counters: [counter] })
  }
  return spans
}

/** As step.ts clips, rounded to float32 at the same places. */
function clip(trainer: FlatTrainer, slices: readonly Slice[], maxNorm: number): void {
  const { kernels, addresses } = trainer
  const norm = flatNorm(trainer, slices, addresses.gradients)
  const scale = Math.min(1, Math.fround(Math.fround(maxNorm) / norm))
  for (const { offset, length } of slices) kernels.scale(addresses.gradients + 4 * offset, length, scale)
}

function saved(
  { extras }: FlatTrainer,
  slots: readonly string[],
  state: OptimizerState,
  slices: readonly Slice[],
  counters: ReadonlyMap<LayerBlock, Counter>,
): OptimizerState {
  const result = new Map(state)
  if (slots.length === 0) return result
  for (const { block, offset, length } of slices) {
    result.set(`updates/${block.name}`, Float32Array.of(counters.get(block)!.count))
    for (const [i, slot] of slots.entries()) {
      const key = `${slot}/${block.name}`
      const values = result.get(key)
      const target = values && values !== state.get(key) ? values : new Float32Array(block.size)
      target.set(extras[i]!.subarray(offset, offset + length), offset - block.offset)
      result.set(key, target)
    }
  }
  return result
}
