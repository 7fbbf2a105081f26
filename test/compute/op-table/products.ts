import * as tf from '@tensorflow/tfjs-core'
import { layers } from '@tensorflow/tfjs-layers'
import { normals } from '../../helpers/values.ts'
import * as conv from '../../oracle/conv2d.ts'
import { matMul } from '../../oracle/matrix.ts'
import { type CallRow, exactly, row, type Tolerance } from './row.ts'

const TENTH = Math.fround(0.1)
/** Sums of `n` float32 products of standard normal values. */
const sums = (n: number): Tolerance => ({ ulps: 4, absolute: n * 2 ** -23 })
const activate = {
  linear: (x: number) => x,
  relu: (x: number) => Math.max(0, x),
  elu: (x: number) => (x < 0 ? Math.expm1(x) : x),
}

// 70 rows, so that no kernel takes a way of its own for few; mostly zeros, so that ours leaves them out.
const [ROWS, DEPTH, COLUMNS] = [70, 300, 40]
const left = normals(1, ROWS * DEPTH).map((value, i) => (i % 5 === 0 ? value : 0))
const right = normals(2, DEPTH * COLUMNS).map((value, i) => (i === 7 * COLUMNS + 3 ? Number.NaN : value))
const bias = normals(3, COLUMNS).map((value, i) => (i === 5 ? Number.NaN : value))
const product = matMul(left, right, [ROWS, DEPTH, COLUMNS], false, false)
const operands = () => [tf.tensor2d(left.slice(), [ROWS, DEPTH]), tf.tensor2d(right.slice(), [DEPTH, COLUMNS])] as const
const biased = Array.from(product, (value, i) => value + bias[i % COLUMNS]!)

const matrixProducts: readonly CallRow[] = [
  row('matMul', 'zeros times NaN', () => tf.matMul(...operands()), product, sums(DEPTH)),
  row(
    'matMul',
    'over 20000 steps',
    () => tf.matMul(tf.fill([2, 20_000], 0.1), tf.ones([20_000, 3])),
    Array.from({ length: 6 }, () => 20_000 * TENTH),
    { ulps: 20_000 },
  ),
  ...(['linear', 'relu', 'elu'] as const).map(activation =>
    row(
      'fused.matMul',
      `${activation} with NaN`,
      () => {
        const [a, b] = operands()
        return tf.fused.matMul({ a, b, bias: tf.tensor1d(bias.slice()), activation })
      },
      biased.map(activate[activation]),
      sums(DEPTH),
    ),
  ),
]

const window: conv.Window2D = {
  ...{ batch: 2, height: 7, width: 6, channels: 3, outChannels: 5 },
  ...{ filter: [3, 3], strides: [1, 1], pad: 'same' },
}
const image = normals(4, 2 * 7 * 6 * 3).map((value, i) => (i === 40 ? Number.NaN : value))
const filter = normals(5, 9 * 3 * 5)
const slope = normals(6, 2 * 7 * 6 * 5).map((value, i) => (i === 77 ? Number.NaN : value))
const channelwise = filter.slice(0, 9 * 3 * 2)
const plainImage = normals(4, 2 * 7 * 6 * 3)
const x4 = (values: Float32Array = image) => tf.tensor4d(values.slice(), [2, 7, 6, 3])
const f4 = () => tf.tensor4d(filter.slice(), [3, 3, 3, 5])
const plainSlope = normals(7, 2 * 7 * 6 * 6)
const wideSlope = plainSlope.map((value, i) => (i === 77 ? Number.NaN : value))
const convolved = conv.conv2d(image, filter, window)

const convolutions: readonly CallRow[] = [
  row('conv2d', 'NaN in a pixel', () => tf.conv2d(x4(), f4(), 1, 'same'), convolved, sums(27)),
  ...(['relu', 'elu'] as const).map(activation =>
    row(
      'fused.conv2d',
      `${activation} with NaN`,
      () => tf.fused.conv2d({ x: x4(), filter: f4(), strides: 1, pad: 'same', activation }),
      Array.from(convolved, activate[activation]),
      sums(27),
    ),
  ),
  row(
    'conv2d',
    'gradient for the filter, NaN in one output channel',
    () =>
      tf.grad(f => tf.conv2d(x4(plainImage), f as tf.Tensor4D, 1, 'same'))(
        f4(),
        tf.tensor4d(slope.slice(), [2, 7, 6, 5]),
      ),
    conv.conv2dFilterGradient(plainImage, slope, window),
    sums(84),
  ),
  row(
    'conv2d',
    'gradient for the input, NaN in one place',
    () =>
      tf.grad(x => tf.conv2d(x as tf.Tensor4D, f4(), 1, 'same'))(
        x4(plainImage),
        tf.tensor4d(slope.slice(), [2, 7, 6, 5]),
      ),
    conv.conv2dInputGradient(filter, slope, window),
    sums(45),
  ),
  row(
    'depthwiseConv2d',
    'NaN in a pixel',
    () => tf.depthwiseConv2d(x4(), tf.tensor4d(channelwise.slice(), [3, 3, 3, 2]), 1, 'same'),
    conv.depthwise(image, channelwise, { ...window, outChannels: 0 }, 2),
    sums(9),
  ),
  ...[Number.NEGATIVE_INFINITY, -3e38, 3e38].map(extreme => {
    const values = Float32Array.from([...[extreme, 1, 1, 1], ...[1, Number.NaN, 1, 1], ...[extreme, 1, 1, 1]])
    const small: conv.Window2D = { ...window, batch: 1, height: 3, width: 2, channels: 2, outChannels: 0 }
    return exactly(
      'depthwiseConv2d',
      `as a layer calls it, over ${extreme} and NaN`,
      () => channelwiseLayer(tf.tensor4d(values.slice(), [1, 3, 2, 2])),
      conv.depthwise(values, new Float32Array(9 * 2).fill(1), small, 1),
    )
  }),
]

/** Of ones, 3 x 3. It gives null for its dilations. */
function channelwiseLayer(x: tf.Tensor): tf.Tensor {
  const layer = layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', depthwiseInitializer: 'ones', useBias: false })
  const y = layer.apply(x) as tf.Tensor
  layer.dispose()
  return y
}

const depthwise = (x: tf.Tensor, f: tf.Tensor) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'same')
const channelFilter = () => tf.tensor4d(channelwise.slice(), [3, 3, 3, 2])
const wide = (values: Float32Array) => tf.tensor4d(values.slice(), [2, 7, 6, 6])
const channelWindow = { ...window, outChannels: 0 }
const forFilter = (dy: Float32Array) => tf.grad(f => depthwise(x4(plainImage), f))(channelFilter(), wide(dy))
const forInput = (dy: Float32Array) => tf.grad(x => depthwise(x, channelFilter()))(x4(plainImage), wide(dy))

/** Where NaN is in one place of the gradient, TensorFlow gives it to all taps of the filter: it arrives. */
const channelwiseGradients: readonly CallRow[] = [
  row(
    'depthwiseConv2d',
    'gradient for the filter',
    () => forFilter(plainSlope),
    conv.depthwiseFilterGradient(plainImage, plainSlope, channelWindow, 2),
    sums(84),
  ),
  row(
    'depthwiseConv2d',
    'gradient for the input',
    () => forInput(plainSlope),
    conv.depthwiseInputGradient(channelwise, plainSlope, channelWindow, 2),
    sums(18),
  ),
  exactly('depthwiseConv2d', 'NaN in the gradient for the filter', () => tf.sum(forFilter(wideSlope)), [Number.NaN]),
  exactly('depthwiseConv2d', 'NaN in the gradient for the input', () => tf.sum(forInput(wideSlope)), [Number.NaN]),
]

export const products: readonly CallRow[] = [...matrixProducts, ...convolutions, ...channelwiseGradients]
