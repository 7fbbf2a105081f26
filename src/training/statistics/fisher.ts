import { extraKey } from '../../core/extras.ts'
import { weightBlocks } from '../../core/layout.ts'
import { type Rng, shuffle } from '../../core/rng.ts'
import { gradientAt, type Relabel } from '../gradient.ts'
import { createPacer } from '../pacer.ts'
import type { Statistic } from './statistic.ts'

/**
 * The diagonal of the Fisher information, F = mean over examples of (∇ log p(y | x))², one example at a time, y drawn from the
 * model's own prediction: Matena and Raffel 2022, equation 4; `labels: data` takes the data's (the empirical Fisher). Divided by its L2
 * norm over the whole model, so that it says which weights matter to a client, not how well the client has learned. One value for each weight of a block.
 */
export const fisher: Statistic = async ({ network, params, examples, indices, extra, rng, signal }) => {
  const chosen = shuffle(rng.fork('examples'), indices.slice()).subarray(0, extra.examples ?? indices.length)
  const draws = rng.fork('labels')
  const relabel: Relabel = (_, logits) => Uint8Array.of(drawn(logits.subarray(0, network.numClasses), draws))
  const gradient = gradientAt(network, params, examples, 1)
  const pace = createPacer(signal)
  const sum = new Float64Array(network.layout.size)
  for (let i = 0; i < chosen.length; i++) {
    const slope = await gradient(chosen, i, i + 1, extra.labels === 'data' ? undefined : relabel)
    for (let j = 0; j < sum.length; j++) sum[j]! += slope[j]! ** 2
    await pace()
  }
  const norm = Math.sqrt(sum.reduce((total, value) => total + value ** 2, 0)) || 1
  return new Map(
    weightBlocks(network.layout.blocks).map(({ name, offset, size }) => [
      extraKey('fisher', name),
      Float32Array.from(sum.subarray(offset, offset + size), value => value / norm),
    ]),
  )
}

/** A class drawn from the softmax of `logits`. */
export function drawn(logits: Float32Array, rng: Rng): number {
  const largest = logits.reduce((max, logit) => Math.max(max, logit), Number.NEGATIVE_INFINITY)
  const parts = Float64Array.from(logits, logit => Math.exp(logit - largest))
  let left = rng.next() * parts.reduce((sum, part) => sum + part, 0)
  for (const [label, part] of parts.entries()) {
    left -= part
    if (left < 0) return label
  }
  return parts.length - 1
}
