import * as tf from '@tensorflow/tfjs-core'

interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/**
 * Average pooling takes the mean over the pixels inside the image, but TF.js's own gradient kernels divide by the whole
 * window where part of it is padding (native TensorFlow does not). So dy is made as much larger there beforehand.
 */
export function registerAvgPoolGradient(): void {
  tf.unregisterGradient('AvgPool')
  tf.registerGradient({
    kernelName: 'AvgPool',
    inputsToSave: ['x'],
    gradFunc: (slope, saved, attrs) => {
      const [input, dy] = [saved[0]!, slope as tf.Tensor]
      const factors = tf.getBackend() === 'tensorflow' ? null : correction(input, attrs as unknown as PoolAttributes)
      return {
        x: () => tf.engine().runKernel('AvgPoolGrad', { dy: factors ? tf.mul(dy, factors()) : dy, input }, attrs),
      }
    },
  })
}

/** float32[1, outHeight, outWidth, 1]: size of a window / pixels of it inside the image; null when that is 1 everywhere. */
function correction(
  input: tf.Tensor,
  { filterSize, strides, pad, dimRoundingMode }: PoolAttributes,
): (() => tf.Tensor) | null {
  const shape = input.shape as [number, number, number, number]
  const pool = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
  const { outHeight, outWidth, filterHeight, filterWidth, padInfo } = pool
  const rows = factors(outHeight, pool.strideHeight, padInfo.top, filterHeight, pool.inHeight)
  const columns = factors(outWidth, pool.strideWidth, padInfo.left, filterWidth, pool.inWidth)
  if ([...rows, ...columns].every(factor => factor === 1)) return null
  const values = rows.flatMap(row => columns.map(column => row * column))
  return () => tf.tensor4d(values, [1, outHeight, outWidth, 1])
}

/** Along one axis; a window without any pixel gets 0, since nothing depends on it. */
function factors(outputs: number, stride: number, before: number, window: number, extent: number): number[] {
  return Array.from({ length: outputs }, (_, i) => {
    const start = i * stride - before
    const inside = Math.min(extent, start + window) - Math.max(0, start)
    return inside > 0 ? window / inside : 0
  })
}
