import * as tf from '@tensorflow/tfjs-core'
import { range } from '../core/indices.ts'
import type { LayerBlock, Params } from '../core/layout.ts'
import type { ModelFamily } from '../core/model-family.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import { type Examples, gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { addScores, BATCH_SIZE, type EvaluateOptions, type Evaluation, meanOf } from './evaluate.ts'
import { flatPlanOf } from './executor.ts'
import { flatNetworkOf, type Scored } from './forward.ts'
import { load } from './load.ts'
import { createPacer } from './pacer.ts'

/** Bytes of activations to hold at a time, at most: a deep network with wide first layers gets smaller batches. */
const STACK_BYTES = 256 * 2 ** 20

export interface FamilyOptions extends EvaluateOptions {
  /** Told after each batch how many of the examples every model has seen. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/**
 * `evaluate` for many models at once, in the order of the family and with the same numbers: batch by batch, the models in
 * the order of their first blocks, so that each computes only from the first stage of the network on in which it differs
 * from the one before; what comes before is a stack of activations, one batch's for each stage. Two models that share no
 * first stage cost what they cost alone, one that changes only the last layer next to nothing. On the flat executor every
 * op is a stage: its memory holds all activations of a batch anyway.
 *
 * May leave a model in the network. Throws the signal's reason, between two models at the latest; no tensor is left.
 */
export async function evaluateFamily(
  network: Network,
  family: ModelFamily,
  examples: Examples,
  { indices = range(examples.length), batchSize, signal, turn, onProgress }: FamilyOptions = {},
): Promise<Evaluation[]> {
  const plan = flatPlanOf(network)
  const passes =
    typeof plan === 'string'
      ? onTensors(network, family, examples, batchSize ?? batchFor(network))
      : onFlat(network, plan, family, examples, batchSize ?? BATCH_SIZE)
  const tallies = family.models.map(() => ({ loss: 0, correct: 0 }))
  const pace = createPacer(signal, turn)
  for (let from = 0; from < indices.length; from += passes.batchSize) {
    const to = Math.min(indices.length, from + passes.batchSize)
    for await (const { model, logits, labels } of passes.over(indices, from, to)) {
      addScores(tallies[model]!, logits, labels, network.numClasses)
      await pace()
    }
    onProgress?.(to, indices.length)
  }
  return tallies.map(tally => meanOf(tally, indices.length))
}

/** The logits of every model of a family on one batch after another. */
interface Passes {
  /** How many examples at a time at most. */
  readonly batchSize: number
  over(indices: Uint32Array, from: number, to: number): AsyncIterable<Scored & { readonly model: number }>
}

function onTensors(network: Network, family: ModelFamily, examples: Examples, batchSize: number): Passes {
  const { stages } = network
  const walk = walkOf(
    stages.map(({ blocks }) => blocks),
    family,
    (block, values) => network.assignBlock(block, values),
  )
  return {
    batchSize,
    async *over(indices, from, to) {
      const { x, y: labels } = gather(examples, indices, from, to)
      // activations[k] is what stage k is given, for the model that was last.
      const activations: tf.Tensor[] = [tf.tensor(x, [labels.length, ...network.inputShape])]
      try {
        for (const { model, firstPart } of walk.visits) {
          tf.dispose(activations.splice(firstPart + 1))
          for (const [k, stage] of stages.entries()) {
            if (k < firstPart) continue
            walk.load(model, k)
            activations.push(stage.apply(activations[k]!))
          }
          yield { model, labels, logits: await activations.at(-1)!.data<'float32'>() }
        }
      } finally {
        tf.dispose(activations)
      }
    },
  }
}

function onFlat(
  network: Network,
  plan: NetworkPlan,
  family: ModelFamily,
  examples: Examples,
  batchSize: number,
): Passes {
  const flat = flatNetworkOf(network, plan, batchSize)
  const { blocks } = family.layout
  const blockOf = new Map(blocks.map(({ name, index }) => [name, index]))
  const walk = walkOf(
    plan.ops.map(op => ('kernel' in op ? [blockOf.get(op.layer)!] : [])),
    family,
    (block, values) => flat.params.set(values, block.offset),
  )
  const labels = new Uint8Array(flat.capacity)
  return {
    batchSize: flat.capacity,
    async *over(indices, from, to) {
      load(flat, labels, examples, indices, from, to)
      for (const { model, firstPart } of walk.visits) {
        for (let op = firstPart; op < plan.ops.length; op++) walk.load(model, op)
        flat.forward(to - from, firstPart)
        yield { model, labels: labels.subarray(0, to - from), logits: flat.logits }
      }
    },
  }
}

function batchFor({ stages }: Network): number {
  const perExample = Float32Array.BYTES_PER_ELEMENT * stages.reduce((sum, { outputSize }) => sum + outputSize, 0)
  return Math.max(1, Math.min(BATCH_SIZE, Math.floor(STACK_BYTES / perExample)))
}

/** How much of a family's evaluation is computed: passes through stages of the network, together and one model after another. */
export function stagePasses(
  network: Network,
  family: ModelFamily,
): { readonly shared: number; readonly alone: number } {
  const stages = network.stages.map(({ blocks }) => blocks)
  const { visits } = walkOf(stages, family, () => {})
  return {
    shared: visits.reduce((sum, { firstPart }) => sum + stages.length - firstPart, 0),
    alone: visits.length * stages.length,
  }
}

interface Visit {
  /** Index in the family. */
  readonly model: number
  /** The first part of the network in which it differs from the model before it. */
  readonly firstPart: number
}

/** The order in which to visit the models; `parts` are the blocks that each part of the network reads. */
function walkOf(
  parts: readonly (readonly number[])[],
  { layout, models, values }: ModelFamily,
  assign: (block: LayerBlock, values: Params) => void,
) {
  const order = parts.flat()
  const difference = (left: readonly number[], right: readonly number[]) =>
    parts.findIndex(blocks => blocks.some(block => left[block] !== right[block]))
  const sorted = [...models.keys()].sort((left, right) => {
    const block = order.find(at => models[left]![at] !== models[right]![at])
    return block === undefined ? left - right : models[left]![block]! - models[right]![block]!
  })
  const visits = sorted.map((model, i): Visit => {
    if (i === 0) return { model, firstPart: 0 }
    const part = difference(models[sorted[i - 1]!]!, models[model]!)
    return { model, firstPart: part < 0 ? parts.length : part }
  })
  const loaded: (number | undefined)[] = []
  return {
    visits,
    /** Puts a model's blocks of one part into the network, those that are not there already. */
    load(model: number, part: number): void {
      for (const index of parts[part]!) {
        const version = models[model]![index]!
        if (loaded[index] === version) continue
        assign(layout.blocks[index]!, values(layout.blocks[index]!, version))
        loaded[index] = version
      }
    },
  }
}
