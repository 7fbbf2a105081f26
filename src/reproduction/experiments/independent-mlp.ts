import type { ModelOptions } from '../../models/index.ts'
import type { Sizes } from '../settings.ts'
import type { TrainTask } from '../tasks/train.ts'
import type { PairSettings } from './pair.ts'

/**
 * Two MLPs 784-w-w-w-10 from *different* initialisations, each trained on its own half of 20,000 digits (8,000 under `quick`):
 * SGD without momentum at a constant learning rate of 0.1, batches of 32, 10 epochs; measured on all test digits. The
 * initialisation is PyTorch's: from He's, six times as large in variance, ten epochs leave most weights near the random
 * numbers that they began with, among which there is no order to find.
 */
export function independentPair(sizes: Sizes, width: number): PairSettings {
  const model: ModelOptions = { name: 'mlp', hidden: [width, width, width], init: 'torchUniform' }
  const data = sizes.data('mnist', { train: 20_000 })
  const training = (index: number): TrainTask => ({
    model,
    data,
    init: index + 1,
    order: 1001 + index,
    part: { split: 'train', portion: { index, of: 2, seed: 1 } },
    plan: { epochs: 10, batchSize: 32, optimizer: { name: 'sgd', learningRate: 0.1 } },
  })
  return {
    label: `784-${width}×3-10, two starts`,
    trainings: [training(0), training(1)],
    part: { split: 'test' },
  }
}
