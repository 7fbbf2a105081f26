import * as tf from '@tensorflow/tfjs-core'
import { sgdStep } from './ops/optimizer-steps.ts'
import { softmaxCrossEntropy } from './ops/softmax-cross-entropy.ts'
import { weightedSum } from './ops/weighted-sum.ts'
import { nanCases } from './self-test-nan.ts'

/** A tiny problem whose answer was worked out by hand. `compute` runs inside `tf.tidy`. */
export interface SelfTestCase {
  readonly what: string
  compute(): tf.Tensor
  readonly expected: readonly number[]
}

const image = (size: number, value = 1) => tf.fill([1, size, size, 1], value) as tf.Tensor4D
const filter = (size: number) => tf.ones([size, size, 1, 1]) as tf.Tensor4D
const flat = (tensors: readonly tf.Tensor[]) => tf.concat(tensors.map(tensor => tf.reshape(tensor, [-1])))

export const cases: readonly SelfTestCase[] = [
  {
    // [1 2; 3 4] and [5 6; 7 8], each as it is or transposed.
    what: 'matMul with every transpose',
    compute() {
      const [a, b] = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])]
      const flags = [false, true]
      return flat(flags.flatMap(left => flags.map(right => tf.matMul(a, b, left, right))))
    },
    expected: [19, 22, 43, 50, 17, 23, 39, 53, 26, 30, 38, 44, 23, 31, 34, 46],
  },
  {
    // A sum of 100 ones plus each bias; 100 is above the block of 48 at which tfjs-wasm adds the bias again.
    what: 'fused matMul with a transpose and a bias',
    compute: () =>
      tf.fused.matMul({
        a: tf.ones([1, 100]),
        b: tf.ones([4, 100]),
        transposeB: true,
        bias: tf.tensor1d([1, 2, 3, 4]),
        activation: 'linear',
      }),
    expected: [101, 102, 103, 104],
  },
  {
    // The backward products of a dense layer with one tall operand: 1 … 8 by [1, 1].
    what: 'a b^T with a short a',
    compute: () => tf.matMul(tf.ones([1, 2]), tf.reshape(tf.range(0, 16), [8, 2]) as tf.Tensor2D, false, true),
    expected: [1, 5, 9, 13, 17, 21, 25, 29],
  },
  {
    // Of each 3x3 window with stride 2 over 5x5 ones, 'same': how many taps lie inside.
    what: 'conv2d, stride 2',
    compute: () => tf.conv2d(image(5), filter(3), 2, 'same'),
    expected: [4, 6, 4, 6, 9, 6, 4, 6, 4],
  },
  {
    // Windows of one row, two columns, three rows apart: 1 + 2, 2 + 3 and 3 + padding of the first row.
    what: 'conv2d, stride above the filter',
    compute() {
      const x = tf.reshape(tf.range(1, 10), [1, 3, 3, 1]) as tf.Tensor4D
      return tf.conv2d(x, tf.ones([1, 2, 1, 1]) as tf.Tensor4D, [3, 1], 'same')
    },
    expected: [3, 5, 3],
  },
  {
    // For each tap, in how many of the 9 windows it lies inside.
    what: 'gradient of conv2d for its filter, stride 2',
    compute: () => tf.grad(w => tf.sum(tf.conv2d(image(5), w as tf.Tensor4D, 2, 'same')))(filter(3)),
    expected: [4, 6, 4, 6, 9, 6, 4, 6, 4],
  },
  {
    // For each pixel, how many of the 9 windows cover it: 1 2 1 2 1 along each axis, multiplied.
    what: 'gradient of conv2d for its input, stride 2',
    compute: () => tf.grad(x => tf.sum(tf.conv2d(x as tf.Tensor4D, filter(3), 2, 'same')))(image(5)),
    expected: [1, 2, 1, 2, 1].flatMap(row => [1, 2, 1, 2, 1].map(column => row * column)),
  },
  {
    // 2x2 windows with stride 1, no padding: 1 2 1 along each axis.
    what: 'gradient of conv2d for its input, stride 1',
    compute: () => tf.grad(x => tf.sum(tf.conv2d(x as tf.Tensor4D, filter(2), 1, 'valid')))(image(3)),
    expected: [1, 2, 1, 2, 4, 2, 1, 2, 1],
  },
  {
    // Every value negative: the largest of each window is -1 … -4, and takes the whole gradient.
    what: 'gradient of max pooling below zero',
    compute() {
      const x = tf.tensor4d([-9, -1, -9, -9, -9, -9, -2, -9, -9, -3, -9, -9, -9, -9, -9, -4], [1, 4, 4, 1])
      return tf.grad(value => tf.sum(tf.maxPool(value as tf.Tensor4D, 2, 2, 'valid')))(x)
    },
    expected: [0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1],
  },
  {
    what: 'gradient of average pooling',
    compute: () => tf.grad(x => tf.sum(tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid')))(image(2)),
    expected: [0.25, 0.25, 0.25, 0.25],
  },
  {
    // 2x2 windows, stride 2, 'same' over 3x3: they hold 4, 2, 2 and 1 pixels.
    what: 'gradient of average pooling with padding',
    compute: () => tf.grad(x => tf.sum(tf.avgPool(x as tf.Tensor4D, 2, 2, 'same')))(image(3)),
    expected: [0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 1],
  },
  {
    // Equal logits give 1/4 each, whatever their size; the loss of one example is ln 4.
    what: 'softmax and its logarithm',
    compute: () => flat([tf.softmax(tf.fill([1, 4], 80)), tf.neg(tf.logSoftmax(tf.fill([1, 4], -80)))]),
    expected: [0.25, 0.25, 0.25, 0.25, Math.log(4), Math.log(4), Math.log(4), Math.log(4)],
  },
  {
    what: 'sum over leading axes, and slice',
    compute() {
      const x = tf.reshape(tf.range(0, 12), [2, 3, 2])
      return flat([tf.sum(x, [0, 1]), tf.slice(x, [0, 1, 0], [2, 2, 1])])
    },
    expected: [30, 36, 2, 4, 8, 10],
  },
  {
    // 3x3 ones over 3x3 ones with padding: for each tap, in how many windows it lies inside, and the same the other way.
    what: 'gradients of a depthwise convolution',
    compute: () =>
      flat(
        tf.grads((x, w) => tf.sum(tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')))([
          image(3),
          filter(3),
        ]),
      ),
    expected: [4, 6, 4, 6, 9, 6, 4, 6, 4, 4, 6, 4, 6, 9, 6, 4, 6, 4],
  },
  {
    what: 'gradient of ReLU',
    compute: () => tf.grad(x => tf.sum(tf.relu(x)))(tf.tensor1d([-2, 0, 3, -1, 5])),
    expected: [0, 0, 1, 0, 1],
  },
  {
    // Softmax of equal logits is 1/4; less the label, divided by 2 examples.
    what: 'softmax cross-entropy and its gradient',
    compute() {
      const labels = tf.tensor2d([1, 0, 0, 0, 0, 0, 0, 1], [2, 4])
      const { value, grad } = tf.valueAndGrad(z => softmaxCrossEntropy(z as tf.Tensor2D, labels))(tf.fill([2, 4], 80))
      return flat([value, grad])
    },
    expected: [Math.log(4), -0.375, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, -0.375],
  },
  {
    // v = 0.5 · 2 + (3 + 0.5 · 4) = 6, w = 4 − 0.1 · 6.
    what: 'a step of SGD with momentum and weight decay',
    compute() {
      const [weight, gradient, velocity] = [4, 3, 2].map(value => tf.fill([5], value)) as Three
      return flat(sgdStep({ weight, gradient, velocity, rate: 0.1, momentum: 0.5, decay: 0.5 }))
    },
    expected: [3.4, 3.4, 3.4, 3.4, 3.4, 6, 6, 6, 6, 6],
  },
  {
    // The shipped kernel of tfjs-wasm takes all below 1e-7 for 0.
    what: 'sign of what is small',
    compute: () => tf.sign(tf.tensor1d([1e-8, -1e-8, 1e-30, 0, 2])),
    expected: [1, -1, 1, 0, 1],
  },
  ...nanCases,
  {
    what: 'weighted sum over clients',
    compute: () => weightedSum(tf.reshape(tf.range(0, 30), [5, 6]) as tf.Tensor2D, [0.1, 0.2, 0.4, 0.2, 0.1]),
    expected: [12, 13, 14, 15, 16, 17],
  },
]

type Three = [tf.Tensor, tf.Tensor, tf.Tensor]
