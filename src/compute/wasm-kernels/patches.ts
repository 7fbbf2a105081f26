import type { backend_util } from '@tensorflow/tfjs-core'

/** Sizes of a 2-D convolution as TF.js computes them; NHWC, dilation 1 (TF.js has no gradient for others). */
export type Convolution = Pick<
  backend_util.Conv2DInfo,
  | 'batchSize'
  | 'inHeight'
  | 'inWidth'
  | 'inChannels'
  | 'outHeight'
  | 'outWidth'
  | 'outChannels'
  | 'strideHeight'
  | 'strideWidth'
  | 'filterHeight'
  | 'filterWidth'
> & { readonly padInfo: { readonly top: number; readonly left: number } }

/** Some of the filter's taps (positions ky * filterWidth + kx), as many as one product takes at once. */
export interface Taps {
  readonly first: number
  readonly count: number
}

/** Elements of one patch matrix, 8 MiB: small enough for the cache of a core, large enough for an efficient product. */
const PATCH_ELEMENTS = 1 << 21

/** Splits the filter so that each patch matrix [count * inChannels, batch * outHeight * outWidth] stays within bounds. */
export function tapGroups(conv: Convolution): readonly Taps[] {
  const taps = conv.filterHeight * conv.filterWidth
  const perTap = conv.inChannels * conv.batchSize * conv.outHeight * conv.outWidth
  const size = Math.min(taps, Math.max(1, Math.floor(PATCH_ELEMENTS / perTap)))
  return Array.from({ length: Math.ceil(taps / size) }, (_, i) => ({
    first: i * size,
    count: Math.min(size, taps - i * size),
  }))
}

/**
 * Copies patches out of an image: patches[tap, channel, (image, oy, ox)] = x[channel, image, oy * stride + ky - top,
 * ox * stride + kx - left], 0 outside. Channels come first so that every inner loop runs along a line of the image.
 */
export function gatherPatches(x: Float32Array, patches: Float32Array, conv: Convolution, taps: Taps): void {
  const { inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = conv
  const planes = conv.inChannels * conv.batchSize
  let patch = 0
  for (const { dy, dx, from, to } of offsets(conv, taps))
    for (let plane = 0; plane < planes; plane++)
      for (let oy = 0, iy = dy; oy < outHeight; oy++, iy += strideHeight) {
        const end = patch + outWidth
        if (iy < 0 || iy >= inHeight || from === to) for (; patch < end; patch++) patches[patch] = 0
        else {
          let image = (plane * inHeight + iy) * inWidth + from * strideWidth + dx
          for (const stop = patch + from; patch < stop; patch++) patches[patch] = 0
          for (const stop = end - outWidth + to; patch < stop; patch++, image += strideWidth) patches[patch] = x[image]!
          for (; patch < end; patch++) patches[patch] = 0
        }
      }
}

/** The transpose of `gatherPatches`: adds each patch element to the image element that it came from. */
export function scatterPatches(patches: Float32Array, x: Float32Array, conv: Convolution, taps: Taps): void {
  const { inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = conv
  const planes = conv.inChannels * conv.batchSize
  let line = 0
  for (const { dy, dx, from, to } of offsets(conv, taps))
    for (let plane = 0; plane < planes; plane++)
      for (let oy = 0, iy = dy; oy < outHeight; oy++, iy += strideHeight, line += outWidth) {
        if (iy < 0 || iy >= inHeight) continue
        let image = (plane * inHeight + iy) * inWidth + from * strideWidth + dx
        for (let patch = line + from; patch < line + to; patch++, image += strideWidth) x[image]! += patches[patch]!
      }
}

interface Offset {
  /** Where the window's tap lies in the image for output (0, 0). */
  readonly dy: number
  readonly dx: number
  /** Outputs of a line whose tap lies inside the image: [from, to). */
  readonly from: number
  readonly to: number
}

function offsets(conv: Convolution, taps: Taps): readonly Offset[] {
  return Array.from({ length: taps.count }, (_, i) => {
    const tap = taps.first + i
    const dx = (tap % conv.filterWidth) - conv.padInfo.left
    const from = clamp(Math.ceil(-dx / conv.strideWidth), 0, conv.outWidth)
    const to = clamp(Math.ceil((conv.inWidth - dx) / conv.strideWidth), from, conv.outWidth)
    return { dy: Math.floor(tap / conv.filterWidth) - conv.padInfo.top, dx, from, to }
  })
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
