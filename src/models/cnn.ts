import { z } from 'zod'
import { initOption } from './initializers.ts'
import { conv, dense, flatten, maxPool, stack } from './layers.ts'
import { type ModelComponent, requireImages } from './model.ts'

const schema = z.strictObject({ name: z.literal('cnn'), init: initOption('heNormal') })

/** Two convolutions and two dense layers, W2 of the benchmarks: 225,034 parameters on 28×28×1. */
export const cnn = {
  name: 'cnn',
  summary: 'Two 3×3 convolutions with pooling, two dense layers; layers conv1, conv2, fc1, fc2',
  schema,
  build(_options, shape) {
    requireImages('cnn', shape, 10) // 10 → 8 → 4 → 2 → 1
    return stack(shape.inputShape, [
      conv('conv1', 32, 3),
      maxPool('pool1'),
      conv('conv2', 64, 3),
      maxPool('pool2'),
      flatten(),
      dense('fc1', 128, 'relu'),
      dense('fc2', shape.numClasses, 'linear'),
    ])
  },
} satisfies ModelComponent<typeof schema>
