import * as tf from '@tensorflow/tfjs-core'
import { proxGradient, sgdStep } from '../compute/ops/optimizer-steps.ts'
import type { Batch } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { oneHot, softmaxCrossEntropy } from './loss.ts'
import type { Weight } from './memory.ts'
import type { Slope, Slopes } from './objective/slopes.ts'

/** One tensor for each trained weight. */
export type TensorVector = readonly tf.Tensor[]

/** Keeps a length from being divided by 0, as the authors' code of SAM does. */
export const TINY = 1e-12

/** The loss of a batch and its gradient by `weights`, with the variables as they are. The tape stops at everything else. */
export function slopeHere(
  network: Network,
  batch: Batch,
  weights: readonly Weight[],
  shift: tf.Tensor1D | null,
): Slope<TensorVector> {
  const x = tf.tensor(batch.x, [batch.y.length, ...network.inputShape])
  const labels = oneHot(batch.y, network.numClasses)
  const logits = () => (shift ? tf.add<tf.Tensor2D>(network.forward(x, true), shift) : network.forward(x, true))
  const { value, grads } = tf.variableGrads(
    () => softmaxCrossEntropy(logits(), labels),
    weights.map(({ variable }) => variable),
  )
  // null where the loss does not depend on it
  return { loss: value, gradient: weights.map(({ variable }) => grads[variable.name] ?? tf.zerosLike(variable)) }
}

export interface TensorSlopesInput {
  readonly network: Network
  readonly weights: readonly Weight[]
  /** Of the weights' shapes. */
  readonly anchors: readonly TensorVector[]
  /** The slope with the variables as they are. */
  readonly here: () => Slope<TensorVector>
}

/** Inside the step's tidy. */
export function tensorSlopes({ network, weights, anchors, here }: TensorSlopesInput): Slopes<TensorVector> {
  const start = weights.map(({ variable }) => tf.clone(variable))

  function at(point: TensorVector): Slope<TensorVector> {
    const statistics = network.variables
      .filter((_, i) => !network.trainable[i])
      .map(variable => [variable, tf.clone(variable)] as const)
    for (const [i, { variable }] of weights.entries()) variable.assign(point[i]!)
    const slope = here()
    for (const [i, { variable }] of weights.entries()) variable.assign(start[i]!)
    for (const [variable, before] of statistics) variable.assign(before)
    return slope
  }

  return {
    here,
    uphill(direction, length) {
      const learning = weights.map(({ learns }, i) =>
        learns ? tf.where(learns, direction[i]!, tf.zerosLike(direction[i]!)) : direction[i]!,
      )
      const scale = tf.div(length, tf.add(normOf(learning), TINY))
      return at(start.map((weight, i) => tf.add(weight, tf.mul(learning[i]!, scale))))
    },
    towards: (anchor, share) =>
      at(start.map((weight, i) => proxGradient(anchors[anchor]![i]!, weight, anchors[anchor]![i]!, share))),
    keep: vector => vector,
    plus: (kept, other, factor) =>
      kept.map(
        (weight, i) =>
          sgdStep({ weight, gradient: other[i]!, velocity: undefined, rate: -factor, momentum: 0, decay: 0 })[0]!,
      ),
  }
}

/** ‖·‖₂ over all tensors together. */
export function normOf(vector: TensorVector): tf.Tensor {
  return tf.sqrt(tf.addN(vector.map(tensor => tf.sum(tf.square(tensor)))))
}
