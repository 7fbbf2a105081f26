import * as tf from '@tensorflow/tfjs-core'
import type { Batch } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import type { Weight } from './memory.ts'
import type { Objective } from './objective/objective.ts'
import type { Optimizer } from './optimizers/optimizer.ts'
import type { LocalPlan } from './plan.ts'
import type { Regularizer } from './regularizers/regularizer.ts'
import { normOf, slopeHere, type TensorVector, tensorSlopes } from './tensor-slopes.ts'

export interface StepInput {
  readonly network: Network
  readonly batch: Batch
  /** What this step trains; the tape stops at everything else. */
  readonly weights: readonly Weight[]
  readonly optimizer: Optimizer
  readonly learningRate: number
  readonly regularizer: Regularizer | null
  readonly objective: Objective | null
  /** The objective's, as tensors of the shapes of `weights`. */
  readonly anchors: readonly TensorVector[]
  /** Added to the logits of each example. */
  readonly shift: tf.Tensor1D | null
  /** Added to the gradient. */
  readonly correction: TensorVector | null
  readonly plan: Pick<LocalPlan, 'clipNorm'>
}

/**
 * One local step in TF.js (`TakeStep` says what that is). Returns the loss before the step, on the engine; the caller
 * disposes it. Replaces variables and memory of `weights`.
 */
export function takeStep({
  network,
  batch,
  weights,
  optimizer,
  learningRate,
  regularizer,
  objective,
  anchors,
  shift,
  correction,
  plan,
}: StepInput): tf.Scalar {
  return tf.tidy(() => {
    const here = () => slopeHere(network, batch, weights, shift)
    const { loss, gradient: slope } = objective
      ? objective.slope(tensorSlopes({ network, weights, anchors, here }))
      : here()
    const gradients = weights.map(({ variable, anchor }, i) => {
      const pulled = regularizer && anchor ? regularizer.addGradient(slope[i]!, variable, anchor) : slope[i]!
      return correction ? tf.add(pulled, correction[i]!) : pulled
    })
    const clipped = plan.clipNorm === undefined ? gradients : clip(gradients, plan.clipNorm)
    for (const [i, weight] of weights.entries()) update(weight, clipped[i]!, optimizer, learningRate)
    return loss as tf.Scalar
  })
}

function update(weight: Weight, gradient: tf.Tensor, optimizer: Optimizer, learningRate: number): void {
  const { variable, memory, learns } = weight
  weight.updates++
  const after = optimizer.update({ weight: variable, gradient, memory, learningRate, step: weight.updates })
  // Chosen, not multiplied: a weight at rest keeps its bits, whatever momentum and weight decay made of it.
  variable.assign(learns ? tf.where(learns, after.weight, variable) : after.weight)
  weight.memory = after.memory.map(tensor => tf.keep(tensor))
  tf.dispose(memory as tf.Tensor[])
}

/** g · min(1, maxNorm / ‖g‖₂), the norm taken over all gradients together (Pascanu et al. 2013, Algorithm 1). */
function clip(gradients: readonly tf.Tensor[], maxNorm: number): readonly tf.Tensor[] {
  const scale = tf.minimum(1, tf.div(maxNorm, normOf(gradients))) // 0 / 0 cannot occur: maxNorm > 0, and min(1, ∞) is 1
  return gradients.map(gradient => tf.mul(gradient, scale))
}
