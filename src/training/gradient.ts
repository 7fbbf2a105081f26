import * as tf from '@tensorflow/tfjs-core'
import type { LayerBlock, Params } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import { type Examples, gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { flatPlanOf } from './executor.ts'
import { trainerOf } from './flat-learner.ts'
import { load } from './load.ts'
import { softmaxCrossEntropy } from './loss.ts'

/**
 * The targets that a batch is to have, float32[rows · numClasses], given its labels and its logits of the same shape: the gradient by the
 * logits is (softmax − targets) / rows.
 */
export type Retarget = (labels: Uint8Array, logits: Float32Array) => Float32Array

/** Chooses other labels than the data's, given those and logits float32[rows · numClasses]. */
export type Relabel = (labels: Uint8Array, logits: Float32Array) => Uint8Array

/**
 * The gradient of the mean cross-entropy of the examples indices[from … to) at fixed parameters, float32[layout.size], 0 for
 * running statistics; good until the next call. With `relabel` for other labels than the data's.
 */
export type GradientAt = (indices: Uint32Array, from: number, to: number, relabel?: Relabel) => Promise<Float32Array>

/** On the flat executor where there is a plan, else in TF.js, which leaves `params` in the network. Batches of `batchSize` at most. */
export function gradientAt(network: Network, params: Params, examples: Examples, batchSize: number): GradientAt {
  const { numClasses } = network
  const slopes = batchSlopes(network, examples, { batchSize })
  slopes.moveTo(params)
  return async (indices, from, to, relabel) => {
    const retarget: Retarget | undefined =
      relabel && ((labels, logits) => oneHotValues(relabel(labels, logits), numClasses))
    return (await slopes.of(indices, from, to, retarget)).gradient
  }
}

/** Slopes of batches, at parameters that may move from call to call. */
export interface BatchSlopes {
  /** float32[layout.size], copied. */
  moveTo(params: Params): void
  /**
   * Mean cross-entropy in nats and its gradient, as `GradientAt` has it, of the examples indices[from … to). With `retarget` the
   * gradient is that of other targets, and the loss the cross-entropy to them.
   */
  of(
    indices: Uint32Array,
    from: number,
    to: number,
    retarget?: Retarget,
  ): Promise<{ readonly loss: number; readonly gradient: Float32Array }>
}

export interface BatchSlopesOptions {
  /** The most examples in a batch. */
  readonly batchSize: number
  /** Only the gradient of these blocks is wanted, what it holds elsewhere means nothing; all when left out. */
  readonly blocks?: readonly LayerBlock[] | undefined
}

/** On the flat executor where there is a plan, else in TF.js, which works in the network's variables. */
export function batchSlopes(network: Network, examples: Examples, options: BatchSlopesOptions): BatchSlopes {
  const plan = flatPlanOf(network)
  return typeof plan === 'string' ? onTensors(network, examples, options) : onFlat(network, plan, examples, options)
}

function onFlat(
  network: Network,
  plan: NetworkPlan,
  examples: Examples,
  { batchSize, blocks = network.layout.blocks }: BatchSlopesOptions,
): BatchSlopes {
  const trainer = trainerOf(network, plan, batchSize, 0)
  const wanted = (at: number) => blocks.some(({ offset, size }) => offset <= at && at < offset + size)
  const route = trainer.route(op => 'kernel' in op && wanted(op.kernel))
  const labels = new Uint8Array(batchSize)
  return {
    moveTo: params => trainer.params.set(params),
    async of(indices, from, to, retarget) {
      const rows = to - from
      load(trainer, labels, examples, indices, from, to)
      const ofData = labels.subarray(0, rows)
      if (retarget) trainer.forward(rows)
      trainer.targets.set(retarget?.(ofData, trainer.logits) ?? oneHotValues(ofData, plan.numClasses))
      return { loss: trainer.learn(rows, route), gradient: trainer.gradients }
    },
  }
}

/** In evaluation mode: running statistics stay, nothing is dropped. */
function onTensors(
  network: Network,
  examples: Examples,
  { blocks = network.layout.blocks }: BatchSlopesOptions,
): BatchSlopes {
  const { layout, numClasses } = network
  const owners = layout.blocks.flatMap(block => block.tensors.map(() => block))
  const trained = network.variables.filter((_, i) => network.trainable[i] && blocks.includes(owners[i]!))
  const gradient = new Float32Array(layout.size)
  return {
    moveTo: network.assign,
    async of(indices, from, to, retarget) {
      const { x, y } = gather(examples, indices, from, to)
      const shape = [y.length, ...network.inputShape]
      let targets = oneHotValues(y, numClasses)
      if (retarget) {
        const logits = tf.tidy(() => network.forward(tf.tensor(x, shape)))
        targets = retarget(y, await logits.data<'float32'>())
        logits.dispose()
      }
      const { value, grads } = tf.tidy(() => {
        const [input, wanted] = [tf.tensor(x, shape), tf.tensor2d(targets, [y.length, numClasses])]
        return tf.variableGrads(() => softmaxCrossEntropy(network.forward(input), wanted), trained)
      })
      let offset = 0
      for (const variable of network.variables) {
        const values = await grads[variable.name]?.data<'float32'>()
        if (values) gradient.set(values, offset)
        offset += variable.size
      }
      const [loss] = await value.data<'float32'>()
      tf.dispose([value, grads])
      return { loss: loss!, gradient }
    },
  }
}

/** float32[labels.length · numClasses], 1 at each label. */
function oneHotValues(labels: Uint8Array, numClasses: number): Float32Array {
  const values = new Float32Array(labels.length * numClasses)
  for (const [row, label] of labels.entries()) values[row * numClasses + label] = 1
  return values
}
