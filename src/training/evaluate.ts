import * as tf from '@tensorflow/tfjs-core'
import type { Params } from '../core/layout.ts'
import { type Examples, gather, range } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { createPacer } from './pacer.ts'

/** loss: mean cross-entropy, nats per example. accuracy: fraction in [0, 1]. Both NaN when there are no examples. */
export interface Evaluation {
  readonly loss: number
  readonly accuracy: number
  readonly numExamples: number
}

export interface EvaluateOptions {
  /** Which examples; all when left out. */
  readonly indices?: Uint32Array | undefined
  readonly batchSize?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Mean loss and accuracy of `params` over examples, every example counting alike, summed in float64: the mean of batch
 * means would weigh the last, short batch too much. Softmax and logarithm are taken in float64 from the logits, so that a
 * loss does not depend on how an engine rounds them. Leaves `params` in the network. Throws the signal's reason.
 */
export async function evaluate(
  network: Network,
  params: Params,
  examples: Examples,
  { indices = range(examples.length), batchSize = 500, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  network.assign(params)
  const pace = createPacer(signal)
  let [loss, correct] = [0, 0]
  for (let from = 0; from < indices.length; from += batchSize) {
    const { x, y } = gather(examples, indices, from, Math.min(indices.length, from + batchSize))
    const logits = tf.tidy(() => network.forward(tf.tensor(x, [y.length, ...network.inputShape])))
    const values = await logits.data<'float32'>()
    logits.dispose()
    for (let row = 0; row < y.length; row++) {
      const scored = score(values.subarray(row * network.numClasses, (row + 1) * network.numClasses), y[row]!)
      loss += scored.loss
      correct += scored.correct ? 1 : 0
    }
    await pace()
  }
  return { loss: loss / indices.length, accuracy: correct / indices.length, numExamples: indices.length }
}

/** −log softmax(logits)[label], and whether the label has the largest logit (the first of equals counts). */
function score(logits: Float32Array, label: number): { readonly loss: number; readonly correct: boolean } {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i
  const largest = logits[best]!
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - largest)
  const loss = Math.log(sum) - (logits[label]! - largest)
  return { loss, correct: best === label && !Number.isNaN(loss) }
}
