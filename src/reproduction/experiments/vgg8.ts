import type { ModelOptions } from '../../models/index.ts'
import type { Context } from '../context.ts'
import type { Pair } from './pair.ts'

const MODEL: ModelOptions = { name: 'vgg8', init: 'heNormal' }
const SEED = 1

/**
 * Two plain VGGs from one initialisation and on the same 10,000 pictures, the first training batch of CIFAR-10, in different
 * orders: SGD with momentum 0.9 and weight decay 5e-4, batches of 64, learning rate 0.02, 20 epochs, 100 steps of warm-up
 * and then cosine; measured on 3,000 of the training pictures.
 */
export async function vgg8Pair(context: Context): Promise<Pair> {
  const data = context.data('cifar10')
  const ends = [0, 1].map(async index => ({
    id: `model ${index + 1}`,
    params: await context.train(`vgg8: model ${index + 1}`, {
      model: MODEL,
      data,
      part: { split: 'train', first: 10_000 },
      plan: {
        epochs: 20,
        batchSize: 64,
        optimizer: { name: 'sgd', learningRate: 0.02, momentum: 0.9, weightDecay: 5e-4 },
        schedule: { name: 'cosine', warmup: 100 },
      },
      init: SEED,
      order: 1000 * SEED + index + 1,
    }),
  }))
  const [a, b] = await Promise.all(ends)
  const layout = await context.layout(MODEL, data)
  const part = { split: 'train', first: 3000 } as const
  return { label: 'vgg8', model: MODEL, data, layout, a: a!, b: b!, part }
}
