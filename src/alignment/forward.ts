import * as tf from '@tensorflow/tfjs-core'
import type { Params } from '../core/layout.ts'
import type { NormalizationOp, UnitOp, UnitPlan, Window } from '../core/network-plan.ts'

/**
 * What one op of a plan gives, before its ReLU: float32[rows, op.size] of float32[rows, size] each. On the current engine; the
 * caller disposes.
 */
export function applyOp(op: UnitOp, params: Params, inputs: readonly tf.Tensor2D[]): tf.Tensor2D {
  return tf.tidy(() => {
    const x = inputs[0]!
    const [rows, size] = x.shape
    switch (op.kind) {
      case 'dense':
        return biased(op, params, op.units, tf.matMul(x, tensor(params, op.kernel, [size, op.units])))
      case 'convolution': {
        const { height, width, channels } = op.window
        const kernel = tensor<tf.Rank.R4>(params, op.kernel, [height, width, channels, op.filters])
        const { strideHeight, strideWidth } = op.window
        const y = tf.conv2d(image(x, op.window), kernel, [strideHeight, strideWidth], paddingOf(op.window))
        return tf.reshape(biased(op, params, op.filters, y), [rows, op.size])
      }
      case 'depthwise': {
        const { height, width, channels, strideHeight, strideWidth } = op.window
        const kernel = tensor<tf.Rank.R4>(params, op.kernel, [height, width, channels, 1])
        const y = tf.depthwiseConv2d(image(x, op.window), kernel, [strideHeight, strideWidth], paddingOf(op.window))
        return tf.reshape(biased(op, params, channels, y), [rows, op.size])
      }
      case 'normalization':
        return tf.reshape(normalized(op, params, tf.reshape(x, [rows, -1, op.channels])), [rows, op.size])
      case 'maxPool':
      case 'averagePool': {
        const { window } = op
        const pool = op.kind === 'maxPool' ? tf.maxPool : tf.avgPool
        const strides: [number, number] = [window.strideHeight, window.strideWidth]
        const y = pool(image(x, window), [window.height, window.width], strides, paddingOf(window))
        return tf.reshape(y, [rows, op.size])
      }
      case 'globalAverage':
        return tf.mean(tf.reshape(x, [rows, op.positions, op.channels]), 1)
      case 'add':
        return tf.add(x, inputs[1]!)
      case 'rectifier':
        return tf.clone(x)
      default:
        return op satisfies never
    }
  })
}

/** Every value of a plan, for x float32[rows, inputSize], which is the first of them. The caller disposes all. */
export function valuesOf(plan: UnitPlan, params: Params, x: tf.Tensor2D): readonly tf.Tensor2D[] {
  const values = [x]
  for (const op of plan.ops) {
    const y = applyOp(
      op,
      params,
      op.inputs.map(value => values[value]!),
    )
    values.push(op.relu ? tf.relu(y) : y)
    if (op.relu) y.dispose()
  }
  return values
}

/** Examples at a time: the values of every layer of two models are held. */
export const ROWS = 100

/** Shows float32[rows · inputSize] in batches, each inside a tidy; what `visit` returns is handed on, read, and disposed. */
export async function overBatches(
  { inputSize }: UnitPlan,
  examples: Float32Array,
  visit: (x: tf.Tensor2D) => readonly tf.Tensor[],
  take: (values: readonly Float32Array[]) => void,
): Promise<void> {
  const count = examples.length / inputSize
  for (let from = 0; from < count; from += ROWS) {
    const rows = Math.min(ROWS, count - from)
    const part = examples.slice(from * inputSize, (from + rows) * inputSize)
    const results = tf.tidy(() => [...visit(tf.tensor2d(part, [rows, inputSize]))])
    try {
      take(await Promise.all(results.map(result => result.data<'float32'>())))
    } finally {
      tf.dispose(results)
    }
  }
}

/** x float32[rows, positions, channels], each value less its mean, over its spread, by γ and β. */
function normalized(op: NormalizationOp, params: Params, x: tf.Tensor3D): tf.Tensor {
  const { channels, moments, gamma, beta, epsilon } = op
  const ofChannels = (offset: number) => tensor(params, offset, [channels])
  const spread = (variance: tf.Tensor) => tf.rsqrt(tf.add(variance, epsilon))
  const standard = () => {
    if ('mean' in moments) return tf.mul(tf.sub(x, ofChannels(moments.mean)), spread(ofChannels(moments.variance)))
    const [rows, positions] = x.shape
    const parts = tf.reshape(x, [rows, positions, moments.groups, channels / moments.groups])
    const { mean, variance } = tf.moments(parts, [1, 3], true)
    return tf.reshape(tf.mul(tf.sub(parts, mean), spread(variance)), x.shape)
  }
  const scaled = gamma === null ? standard() : tf.mul(standard(), ofChannels(gamma))
  return beta === null ? scaled : tf.add(scaled, ofChannels(beta))
}

function biased<T extends tf.Tensor>(
  { bias }: { readonly bias: number | null },
  params: Params,
  units: number,
  y: T,
): T {
  return bias === null ? y : tf.add(y, tensor(params, bias, [units]))
}

function tensor<R extends tf.Rank>(params: Params, offset: number, shape: tf.ShapeMap[R]): tf.Tensor<R> {
  const size = (shape as number[]).reduce((product, extent) => product * extent, 1)
  return tf.tensor<R>(params.slice(offset, offset + size), shape)
}

function image(x: tf.Tensor2D, { inHeight, inWidth, channels }: Window): tf.Tensor4D {
  return tf.reshape(x, [x.shape[0], inHeight, inWidth, channels])
}

/** A window has one of TensorFlow's two paddings; where both give the same sizes there is nothing to pad. */
function paddingOf(w: Window): 'valid' | 'same' {
  const along = (size: number, window: number, stride: number) => Math.floor((size - window) / stride) + 1
  const rows = along(w.inHeight, w.height, w.strideHeight) === w.outHeight && w.top === 0
  const columns = along(w.inWidth, w.width, w.strideWidth) === w.outWidth && w.left === 0
  return rows && columns ? 'valid' : 'same'
}
