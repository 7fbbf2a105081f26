import { extraKey } from '../../core/extras.ts'
import { sizeOf, weightBlocks } from '../../core/layout.ts'
import { shuffle } from '../../core/rng.ts'
import { gradientAt } from '../gradient.ts'
import { createPacer } from '../pacer.ts'
import type { Statistic } from './statistic.ts'

/**
 * How strongly the loss of the model that the round began with depends on each of its tensors: O ← decay · O + (1 − decay) ‖∇L‖², batch
 * by batch over a share of the client's examples, nothing being trained: elastic aggregation (Chen et al. 2023, section 4). One
 * value for each tensor of a block's weights.
 */
export const sensitivity: Statistic = async ({ network, start, examples, indices, batchSize, extra, rng, signal }) => {
  const { share = 1, decay = 0 } = extra
  const count = Math.max(1, Math.round(share * indices.length))
  const chosen = shuffle(rng.fork('examples'), indices.slice()).subarray(0, count)
  const gradient = gradientAt(network, start, examples, Math.min(batchSize, count))
  const pace = createPacer(signal)
  const blocks = weightBlocks(network.layout.blocks)
  const values = blocks.map(({ tensors }) => new Float64Array(tensors.length))
  for (let from = 0; from < count; from += batchSize) {
    const slope = await gradient(chosen, from, Math.min(count, from + batchSize))
    for (const [b, block] of blocks.entries()) {
      let at = block.offset
      for (const [t, { shape }] of block.tensors.entries()) {
        let sum = 0
        for (const end = at + sizeOf(shape); at < end; at++) sum += slope[at]! ** 2
        values[b]![t] = decay * values[b]![t]! + (1 - decay) * sum
      }
    }
    await pace()
  }
  return new Map(blocks.map(({ name }, b) => [extraKey('sensitivity', name), Float32Array.from(values[b]!)]))
}
