import * as tf from '@tensorflow/tfjs-core'
import type { ModelFamily } from '../core/model-family.ts'
import { type Examples, gather, range } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { addScores, BATCH_SIZE, type EvaluateOptions, type Evaluation, meanOf } from './evaluate.ts'
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
 * first stage cost what they cost alone, one that changes only the last layer next to nothing.
 *
 * Leaves the last model in the network. Throws the signal's reason, between two models at the latest; no tensor is left.
 */
export async function evaluateFamily(
  network: Network,
  family: ModelFamily,
  examples: Examples,
  { indices = range(examples.length), batchSize = batchFor(network), signal, onProgress }: FamilyOptions = {},
): Promise<Evaluation[]> {
  const walk = walkOf(network, family)
  const tallies = family.models.map(() => ({ loss: 0, correct: 0 }))
  const pace = createPacer(signal)
  for (let from = 0; from < indices.length; from += batchSize) {
    const { x, y } = gather(examples, indices, from, Math.min(indices.length, from + batchSize))
    // activations[k] is what stage k is given, for the model that was last.
    const activations: tf.Tensor[] = [tf.tensor(x, [y.length, ...network.inputShape])]
    try {
      for (const { model, firstStage } of walk.visits) {
        tf.dispose(activations.splice(firstStage + 1))
        for (const [k, stage] of network.stages.entries()) {
          if (k < firstStage) continue
          walk.load(model, k)
          activations.push(stage.apply(activations[k]!))
        }
        const logits = await activations.at(-1)!.data<'float32'>()
        addScores(tallies[model]!, logits, y, network.numClasses)
        await pace()
      }
    } finally {
      tf.dispose(activations)
    }
    onProgress?.(Math.min(indices.length, from + batchSize), indices.length)
  }
  return tallies.map(tally => meanOf(tally, indices.length))
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
  const [{ visits }, stages] = [walkOf(network, family), network.stages.length]
  return {
    shared: visits.reduce((sum, { firstStage }) => sum + stages - firstStage, 0),
    alone: visits.length * stages,
  }
}

interface Visit {
  /** Index in the family. */
  readonly model: number
  /** The first stage in which it differs from the model before it. */
  readonly firstStage: number
}

function walkOf(network: Network, { layout, models, values }: ModelFamily) {
  const order = network.stages.flatMap(({ blocks }) => blocks)
  const difference = (left: readonly number[], right: readonly number[]) =>
    network.stages.findIndex(({ blocks }) => blocks.some(block => left[block] !== right[block]))
  const sorted = [...models.keys()].sort((left, right) => {
    const block = order.find(at => models[left]![at] !== models[right]![at])
    return block === undefined ? left - right : models[left]![block]! - models[right]![block]!
  })
  const visits = sorted.map((model, i): Visit => {
    if (i === 0) return { model, firstStage: 0 }
    const stage = difference(models[sorted[i - 1]!]!, models[model]!)
    return { model, firstStage: stage < 0 ? network.stages.length : stage }
  })
  const loaded: (number | undefined)[] = []
  return {
    visits,
    /** Puts a model's blocks of one stage into the network, those that are not there already. */
    load(model: number, stage: number): void {
      for (const index of network.stages[stage]!.blocks) {
        const version = models[model]![index]!
        if (loaded[index] === version) continue
        network.assignBlock(layout.blocks[index]!, values(layout.blocks[index]!, version))
        loaded[index] = version
      }
    },
  }
}
