import type { ModelOptions } from '../../models/index.ts'
import type { Sizes } from '../settings.ts'
import type { TrainTask } from '../tasks/train.ts'
import type { PairSettings } from './pair.ts'

const MODEL: ModelOptions = { name: 'vgg8', init: 'heNormal' }
const SEED = 1

/**
 * Two plain VGGs from one initialisation and on the same 10,000 pictures, the first training batch of CIFAR-10, in different
 * orders: SGD with momentum 0.9 and weight decay 5e-4, batches of 64, learning rate 0.02, 20 epochs, 100 steps of warm-up
 * and then cosine; measured on 3,000 of the training pictures.
 */
export function vgg8Pair(sizes: Sizes): PairSettings {
  const training = (index: number): TrainTask => ({
    model: MODEL,
    data: sizes.data('cifar10'),
    part: { split: 'train', first: 10_000 },
    plan: {
      epochs: 20,
      batchSize: 64,
      optimizer: { name: 'sgd', learningRate: 0.02, momentum: 0.9, weightDecay: 5e-4 },
      schedule: { name: 'cosine', warmup: 100 },
    },
    init: SEED,
    order: 1000 * SEED + index + 1,
  })
  return { label: 'vgg8', trainings: [training(0), training(1)], part: { split: 'train', first: 3000 } }
}
