import { z } from 'zod'
import { initOption } from './initializers.ts'
import { conv, dense, flatten, maxPool, stack } from './layers.ts'
import { type ModelComponent, requireImages } from './model.ts'

const schema = z.strictObject({ name: z.literal('vgg8'), init: initOption('heNormal') })

const same = { padding: 'same' } as const

/**
 * VGG with eight layers and no normalisation: 3×3 convolutions 16, M, 32, M, 64, 64, M, 64, 64, M (M halves the image),
 * then 64 and the classes. The network on which layers can be averaged one by one where all of them together cannot.
 * 151,466 parameters on 32×32×3.
 */
export const vgg8 = {
  name: 'vgg8',
  summary: 'Plain VGG without normalisation; layers conv1 … conv6, fc1, fc2',
  schema,
  build(_options, shape) {
    requireImages('vgg8', shape, 16) // 16 → 8 → 4 → 2 → 1
    return stack(shape.inputShape, [
      conv('conv1', 16, 3, same),
      maxPool('pool1'),
      conv('conv2', 32, 3, same),
      maxPool('pool2'),
      conv('conv3', 64, 3, same),
      conv('conv4', 64, 3, same),
      maxPool('pool3'),
      conv('conv5', 64, 3, same),
      conv('conv6', 64, 3, same),
      maxPool('pool4'),
      flatten(),
      dense('fc1', 64, 'relu'),
      dense('fc2', shape.numClasses, 'linear'),
    ])
  },
} satisfies ModelComponent<typeof schema>
