import * as tf from '@tensorflow/tfjs-core'
import type { ActivationBatch } from '../core/activations.ts'
import { range } from '../core/indices.ts'
import type { Params } from '../core/layout.ts'
import { type Examples, gather } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import type { EvaluateOptions } from './evaluate.ts'
import { createPacer } from './pacer.ts'

/** What is looked at of a network, given a batch: made inside a tidy. */
export type Pick = (network: Network, x: tf.Tensor) => readonly tf.Tensor[]

/** What every layer block gives, the logits last. */
export const everyLayer: Pick = (network, x) => network.features(x)

export const logitsOnly: Pick = (network, x) => [network.forward(x)]

/** What the last layer with weights is given, and the logits. */
export const headAndLogits: Pick = ({ stages }, x) => {
  const inputs = stages.slice(0, -1).reduce((value, stage) => stage.apply(value), x)
  return [tf.clone(inputs), stages.at(-1)!.apply(inputs)]
}

/** Examples at a time: the outputs of every layer of several models are held. */
const BATCH_SIZE = 100

/**
 * Runs several models over the same examples and shows what is picked of each, batch by batch. Leaves the last model in the
 * network and no tensor. Throws the signal's reason, and what `pick` throws.
 */
export async function visitActivations(
  { network, examples, pick }: { readonly network: Network; readonly examples: Examples; readonly pick: Pick },
  models: readonly Params[],
  visit: (batch: ActivationBatch) => void,
  { indices = range(examples.length), batchSize = BATCH_SIZE, signal }: EvaluateOptions = {},
): Promise<void> {
  const pace = createPacer(signal)
  for (let from = 0; from < indices.length; from += batchSize) {
    const { x, y } = gather(examples, indices, from, Math.min(indices.length, from + batchSize))
    const outputs: Float32Array[][] = []
    for (const params of models) {
      network.assign(params)
      const tensors = tf.tidy(() => [...pick(network, tf.tensor(x, [y.length, ...network.inputShape]))])
      outputs.push(await Promise.all(tensors.map(tensor => tensor.data<'float32'>())))
      tf.dispose(tensors)
      await pace()
    }
    visit({ rows: y.length, outputs })
  }
}
