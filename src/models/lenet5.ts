import { z } from 'zod'
import { initOption } from './initializers.ts'
import { conv, dense, flatten, maxPool, stack } from './layers.ts'
import { type ModelComponent, requireImages } from './model.ts'

const schema = z.strictObject({ name: z.literal('lenet5'), init: initOption('heNormal') })

/**
 * LeNet-5 (LeCun et al. 1998) as it is used today: ReLU for tanh, maximum for trainable subsampling, full connections
 * between the convolutions, a linear output for radial basis functions. 44,426 parameters on 28×28×1, 62,006 on 32×32×3.
 */
export const lenet5 = {
  name: 'lenet5',
  summary: 'LeNet-5 with ReLU and max pooling; layers conv1, conv2, fc1, fc2, fc3',
  schema,
  build(_options, shape) {
    requireImages('lenet5', shape, 16) // 16 → 12 → 6 → 2 → 1
    return stack(shape.inputShape, [
      conv('conv1', 6, 5),
      maxPool('pool1'),
      conv('conv2', 16, 5),
      maxPool('pool2'),
      flatten(),
      dense('fc1', 120, 'relu'),
      dense('fc2', 84, 'relu'),
      dense('fc3', shape.numClasses, 'linear'),
    ])
  },
} satisfies ModelComponent<typeof schema>
