import {
  inHeight,
  inWidth,
  channels,
  outHeight,
  outWidth,
  filterHeight,
  filterWidth,
  strideHeight,
  strideWidth,
  top,
  left,
} from './geometry'

/** Bytes that the filter gradient of a depthwise convolution needs. */
export function depthwiseScratch(outChannels: i32): usize {
  return <usize>(filterHeight * filterWidth * outChannels) * 12
}

/**
 * Depthwise: filter [taps, channels, multiplier], y and dy [positions, channels * multiplier]. dw is summed in float32 along
 * a line of the output and in float64 over the lines.
 */
export function depthwiseFilterGradient(
  x: usize, dy: usize, dw: usize, batch: i32, outChannels: i32, scratch: usize,
): void {
  const length = filterHeight * filterWidth * outChannels
  const line = scratch + (<usize>length << 3)
  memory.fill(scratch, 0, <usize>length << 3)
  for (let image: i32 = 0; image < batch; image++)
    for (let oy: i32 = 0; oy < outHeight; oy++, dy += <usize>(outWidth * outChannels) << 2) {
      memory.fill(line, 0, <usize>length << 2)
      depthwiseLine(x, line, dy, image, oy, outChannels, false)
      for (let i: i32 = 0; i < length; i++) {
        const sum = scratch + (<usize>i << 3)
        f64.store(sum, f64.load(sum) + <f64>f32.load(line + (<usize>i << 2)))
      }
    }
  for (let i: i32 = 0; i < length; i++) f32.store(dw + (<usize>i << 2), <f32>f64.load(scratch + (<usize>i << 3)))
}

export function depthwiseInputGradient(
  filter: usize, dy: usize, dx: usize, batch: i32, outChannels: i32, scratch: usize,
): void {
  memory.fill(dx, 0, (<usize>batch * inHeight * inWidth * channels) << 2)
  for (let image: i32 = 0; image < batch; image++)
    for (let oy: i32 = 0; oy < outHeight; oy++, dy += <usize>(outWidth * outChannels) << 2)
      depthwiseLine(dx, filter, dy, image, oy, outChannels, true)
}

/** One line of dy: x += filter dy for the input's gradient, else filter += x dy, over all windows of the line. */
function depthwiseLine(
  x: usize, filter: usize, dy: usize, image: i32, oy: i32, outChannels: i32, intoInput: bool,
): void {
  for (let ox: i32 = 0; ox < outWidth; ox++, dy += <usize>outChannels << 2) {
    const y0 = oy * strideHeight - top
    const x0 = ox * strideWidth - left
    const kyEnd = min(filterHeight, inHeight - y0)
    const kxEnd = min(filterWidth, inWidth - x0)
    for (let ky = max(0, -y0); ky < kyEnd; ky++)
      for (let kx = max(0, -x0); kx < kxEnd; kx++) {
        const pixel = x + (<usize>(((image * inHeight + y0 + ky) * inWidth + x0 + kx) * channels) << 2)
        const tap = filter + (<usize>((ky * filterWidth + kx) * outChannels) << 2)
        if (outChannels == channels) depthwiseTap(pixel, tap, dy, intoInput)
        else multipliedTap(pixel, tap, dy, outChannels / channels, intoInput)
      }
  }
}

@inline
function depthwiseTap(pixel: usize, tap: usize, dy: usize, intoInput: bool): void {
  const target = intoInput ? pixel : tap
  const source = intoInput ? tap : pixel
  const bytes = <usize>channels << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    const part = f32x4.mul(v128.load(source + at), v128.load(dy + at))
    v128.store(target + at, f32x4.add(v128.load(target + at), part))
  }
  for (; at < bytes; at += 4)
    f32.store(target + at, f32.load(target + at) + f32.load(source + at) * f32.load(dy + at))
}

function multipliedTap(pixel: usize, tap: usize, dy: usize, multiplier: i32, intoInput: bool): void {
  for (let channel: i32 = 0; channel < channels; channel++, pixel += 4)
    for (let m: i32 = 0; m < multiplier; m++, tap += 4, dy += 4)
      if (intoInput) f32.store(pixel, f32.load(pixel) + f32.load(tap) * f32.load(dy))
      else f32.store(tap, f32.load(tap) + f32.load(pixel) * f32.load(dy))
}
