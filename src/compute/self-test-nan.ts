import * as tf from '@tensorflow/tfjs-core'
import { NAN_BITS, withNaN } from './not-a-number.ts'
import type { SelfTestCase } from './self-test-cases.ts'

const nan = Number.NaN
const flat = (tensors: readonly tf.Tensor[]) => tf.concat(tensors.map(tensor => tf.reshape(tensor, [-1])))

/** Of a model that diverged nothing may look as if it had not, whichever of its bits a NaN has set. */
export const nanCases: readonly SelfTestCase[] = [
  ...casesOf('NaN', NAN_BITS.written),
  ...casesOf('NaN as a processor makes it', NAN_BITS.computed),
]

function casesOf(name: string, bits: number): SelfTestCase[] {
  const tensor = (values: readonly number[], ...shape: number[]) => tf.tensor(withNaN(bits, values), shape)
  return [
    {
      what: `${name} through ReLU, alone and fused`,
      compute() {
        const a = tensor([nan, 1, 1, 1], 2, 2) as tf.Tensor2D
        const b = tf.ones([2, 2]) as tf.Tensor2D
        return flat([tf.relu(tensor([nan, 1, -1, nan, nan], 5)), tf.fused.matMul({ a, b, activation: 'relu' })])
      },
      expected: [nan, 1, 0, nan, nan, nan, nan, 2, 2],
    },
    {
      // Windows with NaN first, last, and nowhere; of the average, with padding too.
      what: `${name} through pooling`,
      compute() {
        const x = tensor([nan, 1, 1, 1, 1, 2, 1, 1, 1, nan, 1, 2], 1, 2, 6, 1) as tf.Tensor4D
        return flat([tf.maxPool(x, 2, 2, 'valid'), tf.avgPool(x, 2, 2, 'valid'), tf.avgPool(x, 3, 3, 'same')])
      },
      expected: [nan, nan, 2, nan, nan, 1.5, nan, nan],
    },
    {
      what: `${name} through convolutions`,
      compute() {
        const x = tensor([nan, 1, 1, 1], 1, 2, 2, 1) as tf.Tensor4D
        const filter = tf.ones([1, 1, 1, 1]) as tf.Tensor4D
        return flat([tf.conv2d(x, filter, 1, 'valid'), tf.depthwiseConv2d(x, filter, 1, 'valid')])
      },
      expected: [nan, 1, 1, 1, nan, 1, 1, 1],
    },
    {
      what: `${name} in a larger and a smaller value`,
      compute() {
        const [a, b] = [tensor([nan, 1, 3], 3), tensor([1, nan, 2], 3)]
        return flat([tf.maximum(a, b), tf.minimum(a, b), tf.minimum(1, b)])
      },
      expected: [nan, nan, 3, nan, nan, 2, 1, nan, 1],
    },
  ]
}
