import { eachTap, outputShape, type Window2D } from './conv2d.ts'
import type { Values } from './matrix.ts'

/** The largest value of each window, and where it lies in x: the first of equals. */
export function maxPool(x: Values, w: Window2D): { readonly values: Float64Array; readonly from: Int32Array } {
  const size = outputShape(w, w.channels).reduce((product, extent) => product * extent)
  const values = new Float64Array(size).fill(Number.NEGATIVE_INFINITY)
  const from = new Int32Array(size).fill(-1)
  eachTap(w, (position, _, pixel) => {
    for (let c = 0; c < w.channels; c++) {
      const [o, i] = [position * w.channels + c, pixel * w.channels + c]
      if (x[i]! > values[o]!) {
        values[o] = x[i]!
        from[o] = i
      }
    }
  })
  return { values, from }
}

export function maxPoolGradient(x: Values, dy: Values, w: Window2D): Float64Array {
  const gradient = new Float64Array(x.length)
  maxPool(x, w).from.forEach((input, output) => {
    gradient[input]! += dy[output]!
  })
  return gradient
}

/** The mean of each window over the pixels inside the image. */
export function avgPool(x: Values, w: Window2D): Float64Array {
  const size = outputShape(w, w.channels).reduce((product, extent) => product * extent)
  const [sums, counts] = [new Float64Array(size), new Float64Array(size)]
  eachTap(w, (position, _, pixel) => {
    for (let c = 0; c < w.channels; c++) {
      sums[position * w.channels + c]! += x[pixel * w.channels + c]!
      counts[position * w.channels + c]! += 1
    }
  })
  return sums.map((sum, i) => sum / counts[i]!)
}

/** Each dy shared evenly among the pixels of its window that lie inside the image. */
export function avgPoolGradient(dy: Values, w: Window2D): Float64Array {
  const gradient = new Float64Array(w.batch * w.height * w.width * w.channels)
  const inside = new Float64Array(dy.length / w.channels)
  eachTap(w, position => {
    inside[position]! += 1
  })
  eachTap(w, (position, _, pixel) => {
    for (let c = 0; c < w.channels; c++)
      gradient[pixel * w.channels + c]! += dy[position * w.channels + c]! / inside[position]!
  })
  return gradient
}
