import * as tf from '@tensorflow/tfjs-core'
import { allFinite } from '../core/finite.ts'
import { range } from '../core/indices.ts'
import type { Params } from '../core/layout.ts'
import { type Rng, shuffle } from '../core/rng.ts'
import { type Examples, gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { oneHot, softmaxCrossEntropy } from './loss.ts'
import { diverged } from './loss-log.ts'
import { optimizers } from './optimizers/index.ts'
import { createPacer } from './pacer.ts'
import type { LocalPlan } from './plan.ts'

export interface BendJob {
  readonly a: Params
  readonly b: Params
  readonly examples: Examples
  readonly indices?: Uint32Array | undefined
  readonly plan: Pick<LocalPlan, 'epochs' | 'batchSize' | 'optimizer'>
  readonly rng: Rng
  readonly signal?: AbortSignal | undefined
}

/**
 * The bend θ of the curve (1 − t)² W1 + 2 t (1 − t) θ + t² W2 with the least mean loss along it, by SGD with one t ~ U[0, 1] for
 * each batch (Garipov et al., NeurIPS 2018): the gradient of θ is 2 t (1 − t) times that of the loss at the curve's point. Starts
 * at the midpoint, so the curve starts as the straight line; the ends do not move. Running statistics are interpolated like
 * weights and their bend stays at the midpoint. float32[layout.size].
 *
 * Uses the network as its work space; no tensor is left. Throws `training_diverged` and the signal's reason.
 */
export async function trainBend(network: Network, job: BendJob): Promise<Params> {
  const { a, b, examples, indices = range(examples.length), plan, rng, signal } = job
  const optimizer = optimizers.named(plan.optimizer.name).make(plan.optimizer as never)
  const [first, last] = [tensorsAt(network, a), tensorsAt(network, b)]
  const bend = first.map((tensor, i) => tf.tidy(() => tf.mul(tf.add(tensor, last[i]!), 0.5)))
  const memory = first.map(tensor => optimizer.slots.map(() => tf.zerosLike(tensor)))
  const trained = network.variables.filter((_, i) => network.trainable[i])
  const pace = createPacer(signal)
  const coefficients = rng.fork('t')
  try {
    let step = 0
    for (let epoch = 1; epoch <= plan.epochs; epoch++) {
      const order = shuffle(rng.fork(`epoch/${epoch}`), indices.slice())
      for (let from = 0; from < order.length; from += plan.batchSize) {
        const { x, y } = gather(examples, order, from, Math.min(order.length, from + plan.batchSize))
        const t = coefficients.next()
        step++
        tf.tidy(() => {
          for (const [i, variable] of network.variables.entries())
            variable.assign(
              tf.addN([tf.mul(first[i]!, (1 - t) ** 2), tf.mul(bend[i]!, 2 * t * (1 - t)), tf.mul(last[i]!, t * t)]),
            )
          const input = tf.tensor(x, [y.length, ...network.inputShape])
          const labels = oneHot(y, network.numClasses)
          const { grads } = tf.variableGrads(() => softmaxCrossEntropy(network.forward(input, true), labels), trained)
          for (const [i, variable] of network.variables.entries()) {
            if (!network.trainable[i] || !grads[variable.name]) continue
            const updated = optimizer.update({
              weight: bend[i]!,
              gradient: tf.mul(grads[variable.name]!, 2 * t * (1 - t)),
              memory: memory[i]!,
              learningRate: optimizer.learningRate,
              step,
            })
            tf.dispose([bend[i]!, ...memory[i]!])
            bend[i] = tf.keep(updated.weight)
            memory[i] = updated.memory.map(tensor => tf.keep(tensor))
          }
        })
        await pace()
      }
    }
    const parts = await Promise.all(bend.map(tensor => tensor.data<'float32'>()))
    const params = new Float32Array(network.layout.size)
    let offset = 0
    for (const part of parts) {
      params.set(part, offset)
      offset += part.length
    }
    if (!allFinite(params)) throw diverged('the bend of the curve', plan.epochs, step)
    return params
  } finally {
    tf.dispose([first, last, bend, memory] as tf.TensorContainer)
  }
}

/** Copies of a model's weights on the engine, one for each variable. */
function tensorsAt(network: Network, params: Params): tf.Tensor[] {
  network.assign(params)
  return network.variables.map(variable => tf.tidy(() => tf.mul(variable, 1)))
}
