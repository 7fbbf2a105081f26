import type { backend_util } from '@tensorflow/tfjs-core'

/** Plain loops over windows: what is computed where the fast kernel lost NaN, or for a machine where the pack does not start. */

type Window = backend_util.Conv2DInfo

/** Visits every output position with every tap of its window that lies inside the image, and the pixel under it. */
export function eachTap(
  { batchSize, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, ...conv }: Window,
  visit: (position: number, tap: number, pixel: number) => void,
): void {
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = conv
  for (let image = 0, position = 0; image < batchSize; image++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++, position++)
        for (let ky = 0; ky < filterHeight; ky++) {
          const y = oy * strideHeight - padInfo.top + ky * dilationHeight
          if (y < 0 || y >= inHeight) continue
          for (let kx = 0; kx < filterWidth; kx++) {
            const x = ox * strideWidth - padInfo.left + kx * dilationWidth
            if (x >= 0 && x < inWidth) visit(position, ky * filterWidth + kx, (image * inHeight + y) * inWidth + x)
          }
        }
}

/** out[position, channel] = the largest value of its window, NaN where one is NaN. */
export function maxPool(x: Float32Array, out: Float32Array, pool: Window): void {
  const { inChannels: channels } = pool
  out.fill(Number.NEGATIVE_INFINITY)
  eachTap(pool, (position, _, pixel) => {
    for (let c = 0; c < channels; c++)
      out[position * channels + c] = Math.max(out[position * channels + c]!, x[pixel * channels + c]!)
  })
}

/** out[position, channel] = the mean of the values of its window that lie inside the image. */
export function averagePool(x: Float32Array, out: Float32Array, pool: Window): void {
  const { inChannels: channels } = pool
  const [sums, counts] = [new Float64Array(out.length), new Uint32Array(out.length / channels)]
  eachTap(pool, (position, _, pixel) => {
    counts[position]!++
    for (let c = 0; c < channels; c++) sums[position * channels + c]! += x[pixel * channels + c]!
  })
  for (const [i, sum] of sums.entries()) out[i] = sum / counts[Math.floor(i / channels)]!
}

export interface FilterLoop {
  readonly x: Float32Array
  readonly filter: Float32Array
  /** float32[outChannels]. */
  readonly bias: Float32Array | null
  readonly conv: Window
}

/** out[position, o] = bias[o] + Σ over taps and channels c of x[pixel, c] filter[tap, c, o]. */
export function convolve(
  { x, filter, bias, conv: { inChannels, outChannels }, conv }: FilterLoop,
  out: Float32Array,
): void {
  const sums = biased(out.length, bias)
  eachTap(conv, (position, tap, pixel) => {
    let f = tap * inChannels * outChannels
    for (let c = 0; c < inChannels; c++)
      for (let o = 0; o < outChannels; o++, f++)
        sums[position * outChannels + o]! += x[pixel * inChannels + c]! * filter[f]!
  })
  out.set(sums)
}

/** out[position, c, m] = Σ over taps of x[pixel, c] filter[tap, c, m]. */
export function convolveDepthwise(
  { x, filter, bias, conv: { inChannels, outChannels }, conv }: FilterLoop,
  out: Float32Array,
): void {
  const sums = biased(out.length, bias)
  const multiplier = outChannels / inChannels
  eachTap(conv, (position, tap, pixel) => {
    for (let o = 0; o < outChannels; o++)
      sums[position * outChannels + o]! +=
        x[pixel * inChannels + Math.floor(o / multiplier)]! * filter[tap * outChannels + o]!
  })
  out.set(sums)
}

function biased(length: number, bias: Float32Array | null): Float64Array {
  return Float64Array.from({ length }, (_, i) => (bias ? bias[i % bias.length]! : 0))
}
