import type { Params } from '../core/layout.ts'
import type { Examples } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import { batchSlopes } from './gradient.ts'

export interface EntropySlope {
  /** Mean over the examples, nats. */
  readonly entropy: number
  /** By the parameters, float32[layout.size], 0 for running statistics; good until the network is used again. */
  readonly gradient: Float32Array
}

/**
 * The mean entropy −Σ p log p of a model's predictions p on some examples, and its gradient; labels are not looked at. By the logits z
 * that is −p (log p + H), which the way back of the cross-entropy takes for targets p + p (log p + H). In evaluation mode.
 */
export async function entropySlope(
  network: Network,
  params: Params,
  examples: Examples,
  indices: Uint32Array,
): Promise<EntropySlope> {
  const slopes = batchSlopes(network, examples, { batchSize: indices.length })
  slopes.moveTo(params)
  let sum = 0
  const { gradient } = await slopes.of(indices, 0, indices.length, ({ length: rows }, logits) => {
    const { numClasses } = network
    const targets = new Float32Array(rows * numClasses)
    for (let row = 0; row < rows; row++) {
      const z = logits.subarray(row * numClasses, (row + 1) * numClasses)
      const largest = z.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
      const total = z.reduce((all, value) => all + Math.exp(value - largest), 0)
      const logs = Array.from(z, value => value - largest - Math.log(total))
      const entropy = -logs.reduce((all, log) => all + Math.exp(log) * log, 0)
      for (const [i, log] of logs.entries())
        targets[row * numClasses + i] = Math.exp(log) + Math.exp(log) * (log + entropy)
      sum += entropy
    }
    return targets
  })
  return { entropy: sum / indices.length, gradient }
}
