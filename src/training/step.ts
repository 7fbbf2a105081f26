import * as tf from '@tensorflow/tfjs-core'
import type { Batch } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { oneHot, softmaxCrossEntropy } from './loss.ts'
import type { Weight } from './memory.ts'
import type { Optimizer } from './optimizers/optimizer.ts'
import type { LocalPlan } from './plan.ts'
import type { Regularizer } from './regularizers/regularizer.ts'

export interface StepInput {
  readonly network: Network
  readonly batch: Batch
  /** What this step trains; the tape stops at everything else. */
  readonly weights: readonly Weight[]
  readonly optimizer: Optimizer
  readonly learningRate: number
  readonly regularizer: Regularizer | null
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
  plan,
}: StepInput): tf.Scalar {
  return tf.tidy(() => {
    const x = tf.tensor(batch.x, [batch.y.length, ...network.inputShape])
    const labels = oneHot(batch.y, network.numClasses)
    const { value, grads } = tf.variableGrads(
      () => softmaxCrossEntropy(network.forward(x, true), labels),
      weights.map(({ variable }) => variable),
    )
    const gradients = weights.map(({ variable, anchor }) => {
      const gradient = grads[variable.name] ?? tf.zerosLike(variable) // null where the loss does not depend on it
      return regularizer && anchor ? regularizer.addGradient(gradient, variable, anchor) : gradient
    })
    const clipped = plan.clipNorm === undefined ? gradients : clip(gradients, plan.clipNorm)
    for (const [i, weight] of weights.entries()) update(weight, clipped[i]!, optimizer, learningRate)
    return value
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
  const norm = tf.sqrt(tf.addN(gradients.map(gradient => tf.sum(tf.square(gradient)))))
  const scale = tf.minimum(1, tf.div(maxNorm, norm)) // 0 / 0 cannot occur: maxNorm > 0, and min(1, ∞) is 1
  return gradients.map(gradient => tf.mul(gradient, scale))
}
