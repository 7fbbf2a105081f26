import { range } from '../core/indices.ts'
import type { Params } from '../core/layout.ts'
import type { Examples } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { forwardOf } from './forward.ts'
import { createPacer } from './pacer.ts'

/**
 * loss: mean cross-entropy, nats per example: NaN for one that has NaN or +∞ among its logits, whatever its class, and ∞ where
 * the logit of its class is −∞. accuracy: fraction in [0, 1]; NaN where the loss is not finite, for what such a model puts first
 * is no answer. Both NaN when there are no examples.
 */
export interface Evaluation {
  readonly loss: number
  readonly accuracy: number
  readonly numExamples: number
}

/** Examples at a time, when nothing else is said. */
export const BATCH_SIZE = 500

export interface EvaluateOptions {
  /** Which examples; all when left out. */
  readonly indices?: Uint32Array | undefined
  readonly batchSize?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Awaited between batches, now and then: others may compute meanwhile, but not with this network. */
  readonly turn?: (() => Promise<void>) | undefined
}

/**
 * Mean loss and accuracy of `params` over examples, every example counting alike, summed in float64: the mean of batch
 * means would weigh the last, short batch too much. Softmax and logarithm are taken in float64 from the logits, so that a
 * loss does not depend on how an engine rounds them. The network's variables may be used. Throws the signal's reason.
 */
export async function evaluate(
  network: Network,
  params: Params,
  examples: Examples,
  { indices = range(examples.length), batchSize = BATCH_SIZE, signal, turn }: EvaluateOptions = {},
): Promise<Evaluation> {
  const forward = forwardOf(network, params, examples, batchSize)
  const pace = createPacer(signal, turn)
  const tally = { loss: 0, correct: 0 }
  for (let from = 0; from < indices.length; from += forward.batchSize) {
    const { logits, labels } = await forward.logits(indices, from, Math.min(indices.length, from + forward.batchSize))
    addScores(tally, logits, labels, network.numClasses)
    await pace()
  }
  return meanOf(tally, indices.length)
}

/** Sums over examples: of the cross-entropy, in nats, and of those that are right. */
export interface Tally {
  loss: number
  correct: number
}

/** Adds the rows of logits float32[y.length · numClasses], one after another. */
export function addScores(tally: Tally, logits: Float32Array, y: Uint8Array, numClasses: number): void {
  for (let row = 0; row < y.length; row++) {
    const scored = score(logits.subarray(row * numClasses, (row + 1) * numClasses), y[row]!)
    tally.loss += scored.loss
    tally.correct += scored.correct ? 1 : 0
  }
}

export function meanOf({ loss, correct }: Tally, numExamples: number): Evaluation {
  return { loss: loss / numExamples, accuracy: Number.isFinite(loss) ? correct / numExamples : Number.NaN, numExamples }
}

/**
 * −log softmax(logits)[label], and whether the label has the largest logit (the first of equals counts). NaN is neither larger nor
 * smaller, so that the first class would win of a row of it: a row without a loss is wrong.
 */
function score(logits: Float32Array, label: number): { readonly loss: number; readonly correct: boolean } {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i
  const largest = logits[best]!
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - largest)
  const loss = Math.log(sum) - (logits[label]! - largest)
  return { loss, correct: best === label && !Number.isNaN(loss) }
}
