import type { Values } from './matrix.ts'

/** A convolution or a pooling; NHWC images, HWIO filters. */
export interface Window2D {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly outChannels: number
  readonly filter: readonly [height: number, width: number]
  readonly strides: readonly [number, number]
  readonly pad: 'valid' | 'same' | number
}

/** Outputs along one axis, and how far the first window starts before the image (TensorFlow's rule for 'same'). */
export function extent(size: number, filter: number, stride: number, pad: Window2D['pad']): readonly [number, number] {
  if (pad === 'same') {
    const out = Math.ceil(size / stride)
    return [out, Math.floor(Math.max(0, (out - 1) * stride + filter - size) / 2)]
  }
  const before = pad === 'valid' ? 0 : pad
  return [Math.floor((size + 2 * before - filter) / stride) + 1, before]
}

export function outputShape(w: Window2D, channels = w.outChannels): [number, number, number, number] {
  const [height] = extent(w.height, w.filter[0], w.strides[0], w.pad)
  const [width] = extent(w.width, w.filter[1], w.strides[1], w.pad)
  return [w.batch, height, width, channels]
}

/** Visits every pair of an output position and an input pixel that its window covers, window by window, row by row. */
export function eachTap(w: Window2D, visit: (output: number, tap: number, pixel: number) => void): void {
  const [outHeight, top] = extent(w.height, w.filter[0], w.strides[0], w.pad)
  const [outWidth, left] = extent(w.width, w.filter[1], w.strides[1], w.pad)
  for (let image = 0; image < w.batch; image++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let ky = 0; ky < w.filter[0]; ky++)
          for (let kx = 0; kx < w.filter[1]; kx++) {
            const [y, x] = [oy * w.strides[0] + ky - top, ox * w.strides[1] + kx - left]
            if (y < 0 || y >= w.height || x < 0 || x >= w.width) continue
            const output = (image * outHeight + oy) * outWidth + ox
            visit(output, ky * w.filter[1] + kx, (image * w.height + y) * w.width + x)
          }
}

export function conv2d(x: Values, filter: Values, w: Window2D): Float64Array {
  const out = new Float64Array(outputShape(w).reduce((product, size) => product * size))
  eachProduct(w, (o, f, i) => {
    out[o]! += x[i]! * filter[f]!
  })
  return out
}

export function conv2dFilterGradient(x: Values, dy: Values, w: Window2D): Float64Array {
  const gradient = new Float64Array(w.filter[0] * w.filter[1] * w.channels * w.outChannels)
  eachProduct(w, (o, f, i) => {
    gradient[f]! += x[i]! * dy[o]!
  })
  return gradient
}

export function conv2dInputGradient(filter: Values, dy: Values, w: Window2D): Float64Array {
  const gradient = new Float64Array(w.batch * w.height * w.width * w.channels)
  eachProduct(w, (o, f, i) => {
    gradient[i]! += filter[f]! * dy[o]!
  })
  return gradient
}

function eachProduct(w: Window2D, visit: (output: number, filter: number, input: number) => void): void {
  eachTap(w, (position, tap, pixel) => {
    for (let c = 0; c < w.channels; c++)
      for (let o = 0; o < w.outChannels; o++)
        visit(position * w.outChannels + o, (tap * w.channels + c) * w.outChannels + o, pixel * w.channels + c)
  })
}

/** Each channel for itself, `multiplier` outputs of each: filter [height, width, channels, multiplier], `outChannels` unused. */
export function depthwise(x: Values, filter: Values, w: Window2D, multiplier: number): Float64Array {
  const out = new Float64Array(outputShape(w, w.channels * multiplier).reduce((product, size) => product * size))
  eachDepthwiseProduct(w, multiplier, (o, f, i) => {
    out[o]! += x[i]! * filter[f]!
  })
  return out
}

export function depthwiseFilterGradient(x: Values, dy: Values, w: Window2D, multiplier: number): Float64Array {
  const gradient = new Float64Array(w.filter[0] * w.filter[1] * w.channels * multiplier)
  eachDepthwiseProduct(w, multiplier, (o, f, i) => {
    gradient[f]! += x[i]! * dy[o]!
  })
  return gradient
}

export function depthwiseInputGradient(filter: Values, dy: Values, w: Window2D, multiplier: number): Float64Array {
  const gradient = new Float64Array(w.batch * w.height * w.width * w.channels)
  eachDepthwiseProduct(w, multiplier, (o, f, i) => {
    gradient[i]! += filter[f]! * dy[o]!
  })
  return gradient
}

function eachDepthwiseProduct(
  w: Window2D,
  multiplier: number,
  visit: (output: number, filter: number, input: number) => void,
): void {
  eachTap(w, (position, tap, pixel) => {
    for (let c = 0; c < w.channels; c++)
      for (let m = 0; m < multiplier; m++) {
        const unit = c * multiplier + m
        visit(position * w.channels * multiplier + unit, tap * w.channels * multiplier + unit, pixel * w.channels + c)
      }
  })
}
