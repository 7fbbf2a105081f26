import * as tf from '@tensorflow/tfjs-core'
import type { Params } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import { type Examples, gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { flatPlanOf } from './executor.ts'
import { trainerOf } from './flat-learner.ts'
import { load } from './load.ts'
import { oneHot, softmaxCrossEntropy } from './loss.ts'

/** Chooses the labels that a batch is to have, given those of the data and logits float32[rows · numClasses]. */
export type Relabel = (labels: Uint8Array, logits: Float32Array) => Uint8Array

/**
 * The gradient of the mean cross-entropy of the examples indices[from … to) at fixed parameters, float32[layout.size], 0 for
 * running statistics; good until the next call. With `relabel` for other labels than the data's.
 */
export type GradientAt = (indices: Uint32Array, from: number, to: number, relabel?: Relabel) => Promise<Float32Array>

/** On the flat executor where there is a plan, else in TF.js, which leaves `params` in the network. Batches of `batchSize` at most. */
export function gradientAt(network: Network, params: Params, examples: Examples, batchSize: number): GradientAt {
  const plan = flatPlanOf(network)
  return typeof plan === 'string'
    ? onTensors(network, params, examples)
    : onFlat(network, plan, params, examples, batchSize)
}

function onFlat(
  network: Network,
  plan: NetworkPlan,
  params: Params,
  examples: Examples,
  batchSize: number,
): GradientAt {
  const trainer = trainerOf(network, plan, batchSize, 0)
  trainer.params.set(params)
  const route = trainer.route(op => 'kernel' in op)
  const labels = new Uint8Array(batchSize)
  return async (indices, from, to, relabel) => {
    const rows = to - from
    load(trainer, labels, examples, indices, from, to)
    if (relabel) trainer.forward(rows)
    const chosen = relabel?.(labels.subarray(0, rows), trainer.logits) ?? labels
    trainer.targets.fill(0, 0, rows * plan.numClasses)
    for (let row = 0; row < rows; row++) trainer.targets[row * plan.numClasses + chosen[row]!] = 1
    trainer.learn(rows, route)
    return trainer.gradients
  }
}

/** In evaluation mode: running statistics stay, nothing is dropped. */
function onTensors(network: Network, params: Params, examples: Examples): GradientAt {
  network.assign(params)
  const { layout } = network
  const trained = network.variables.filter((_, i) => network.trainable[i])
  const gradient = new Float32Array(layout.size)
  return async (indices, from, to, relabel) => {
    const { x, y } = gather(examples, indices, from, to)
    const shape = [y.length, ...network.inputShape]
    let labels = y
    if (relabel) {
      const logits = tf.tidy(() => network.forward(tf.tensor(x, shape)))
      labels = relabel(y, await logits.data<'float32'>())
      logits.dispose()
    }
    const grads = tf.tidy(() => {
      const [input, targets] = [tf.tensor(x, shape), oneHot(labels, network.numClasses)]
      return tf.variableGrads(() => softmaxCrossEntropy(network.forward(input), targets), trained).grads
    })
    let offset = 0
    for (const variable of network.variables) {
      const values = await grads[variable.name]?.data<'float32'>()
      if (values) gradient.set(values, offset)
      offset += variable.size
    }
    tf.dispose(grads)
    return gradient
  }
}
