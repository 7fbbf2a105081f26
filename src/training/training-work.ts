import { medianMs, type Work } from '../compute/speed.ts'
import { range } from '../core/indices.ts'
import { createRng, normal } from '../core/rng.ts'
import type { Dataset } from '../data/dataset.ts'
import { examplesOf } from '../data/examples.ts'
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
    stepMs: async () => stepMs(model, await loadDataset(data), batchSize),
  }
}

/** A step of the MLP 784-200-200-10 at batch 32. */
export const denseStep: Work = {
  key: 'MLP 784-200-200-10, batch 32',
  stepMs: () => stepMs({ name: 'mlp', hidden: [200, 200], init: 'heNormal' }, { inputShape: [784], numClasses: 10 }),
}

/** A step of the CNN of 3 x 3 x 32, 3 x 3 x 64 and 128 units on 14 x 14 pixels, at batch 32. */
const convolutionStep: Work = {
  key: 'CNN on 14 x 14, batch 32',
  stepMs: () => stepMs({ name: 'cnn', init: 'heNormal' }, { inputShape: [14, 14, 1], numClasses: 10 }),
}

/**
 * Where any run may come: the geometric mean of a dense and of a convolutional network's step, so that twice as fast in one
 * and half as fast in the other is even.
 */
export const typicalWork: Work = {
  key: `${denseStep.key}; ${convolutionStep.key}`,
  stepMs: async () => Math.sqrt((await denseStep.stepMs()) * (await convolutionStep.stepMs())),
}

type Shape = Pick<Dataset, 'inputShape' | 'numClasses'>

async function stepMs(model: ModelOptions, shape: Shape, batchSize = 32): Promise<number> {
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
}
