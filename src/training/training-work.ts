import { medianMs, type Work } from '../compute/speed.ts'
import { createRng, normal } from '../core/rng.ts'
import { examplesOf, range } from '../data/examples.ts'
import { type DataOptions, loadDataset } from '../data/index.ts'
import type { ModelOptions } from '../models/index.ts'
import { buildNetwork } from '../models/network.ts'
import { type LocalPlan, localPlanSchema } from './plan.ts'
import { trainLocally } from './train.ts'

/** The sections of a run file that decide how long a step takes. */
export interface RunWork {
  readonly model: ModelOptions
  readonly data: DataOptions
  readonly local: Pick<LocalPlan, 'batchSize'>
}

/**
 * A run's own work, to compare engines by: one local step of its model at its batch size, on noise of the shape of its
 * data, by the executor that would train it. Throws what loading the data and building the model throw.
 */
export function trainingWork({ model, data, local: { batchSize } }: RunWork): Work {
  return {
    key: JSON.stringify({ model, data, batchSize }),
    async stepMs() {
      const shape = await loadDataset(data)
      const { inputShape, numClasses } = shape
      const rng = createRng(0)
      const size = inputShape.reduce((product, extent) => product * extent, 1)
      const x = Float32Array.from({ length: batchSize * size }, () => normal(rng))
      const y = Uint8Array.from({ length: batchSize }, (_, i) => i % numClasses)
      const network = await buildNetwork(model, shape)
      try {
        const params = network.init(rng)
        const job = {
          ...{ params, anchor: params, examples: examplesOf(x, y, size, 1), indices: range(batchSize) },
          plan: localPlanSchema.parse({ batchSize, optimizer: { name: 'sgd', learningRate: 1e-6 } }),
          ...{ round: 1, totalRounds: 1, rng },
        }
        return await medianMs(() => trainLocally(network, job))
      } finally {
        network.dispose()
      }
    },
  }
}
