import { extraKey } from '../../core/extras.ts'
import { weightBlocks } from '../../core/layout.ts'
import { gradientAt } from '../gradient.ts'
import { createPacer } from '../pacer.ts'
import type { Statistic } from './statistic.ts'

/**
 * Σ (w g)² / size of each layer block, g the gradient of the mean loss of all the client's examples at its model as trained: the score by
 * which PLayer-FL tells layers that serve all clients from those that serve one. One value a block.
 */
export const layerScore: Statistic = async ({ network, params, examples, indices, batchSize, signal }) => {
  const gradient = gradientAt(network, params, examples, Math.min(batchSize, indices.length))
  const pace = createPacer(signal)
  const mean = new Float64Array(network.layout.size)
  for (let from = 0; from < indices.length; from += batchSize) {
    const to = Math.min(indices.length, from + batchSize)
    const slope = await gradient(indices, from, to)
    for (let i = 0; i < mean.length; i++) mean[i]! += (slope[i]! * (to - from)) / indices.length
    await pace()
  }
  return new Map(
    weightBlocks(network.layout.blocks).map(({ name, offset, size }) => {
      let sum = 0
      for (let i = offset; i < offset + size; i++) sum += (params[i]! * mean[i]!) ** 2
      return [extraKey('layerScore', name), Float32Array.of(sum / size)]
    }),
  )
}
