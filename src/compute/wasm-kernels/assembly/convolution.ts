import { GEMM_SCRATCH, product } from './gemm'

/**
 * Convolutions as products with a matrix of patches, [positions, taps * inChannels], that is written a few hundred rows
 * at a time so that it stays in the cache. Images are NHWC, filters HWIO; any stride and padding, no dilation.
 */

/** Bytes of patches written at a time. */
const PATCHES: usize = 512 << 10
/** Bytes that the convolution described last needs beside its operands. */
export function convolutionScratch(): usize {
  const least = <usize>patchLength() * (turned() ? outWidth : 1)
  return GEMM_SCRATCH + max(PATCHES, least << 2)
}

// The convolution being worked on: set by every exported function before it is read.
let inHeight: i32, inWidth: i32, channels: i32
let outHeight: i32, outWidth: i32
let filterHeight: i32, filterWidth: i32
let strideHeight: i32, strideWidth: i32
let top: i32, left: i32

/** Sizes of the convolutions that follow. `padTop` and `padLeft` are the zeros before the image. */
export function describeConvolution(
  inH: i32, inW: i32, inC: i32, outH: i32, outW: i32, filterH: i32, filterW: i32, strideH: i32, strideW: i32,
  padTop: i32, padLeft: i32,
): void {
  inHeight = inH
  inWidth = inW
  channels = inC
  outHeight = outH
  outWidth = outW
  filterHeight = filterH
  filterWidth = filterW
  strideHeight = strideH
  strideWidth = strideW
  top = padTop
  left = padLeft
}

/** Whether x itself is the matrix of patches. */
function pointwise(): bool {
  return (
    filterHeight == 1 && filterWidth == 1 && strideHeight == 1 && strideWidth == 1 && top == 0 && left == 0 &&
    outHeight == inHeight && outWidth == inWidth
  )
}

function patchLength(): i32 {
  return filterHeight * filterWidth * channels
}

/** With one channel a line of a window is a few floats: there the patches are written as [taps, positions] instead. */
function turned(): bool {
  return channels == 1 && strideWidth == 1
}

/** Lines of the output whose turned patches are written at a time. */
function linesAtATime(): i32 {
  return max(1, <i32>(PATCHES / ((<usize>patchLength() * outWidth) << 2)))
}

function rowsAtATime(): i32 {
  const rows = <i32>(PATCHES / (<usize>patchLength() << 2))
  return rows >= 4 ? rows & ~3 : 1
}

/** y[batch, outHeight, outWidth, outChannels] = x * filter. */
export function convolve(x: usize, filter: usize, y: usize, batch: i32, outChannels: i32, scratch: usize): void {
  const positions = batch * outHeight * outWidth
  const length = patchLength()
  if (pointwise()) return product(positions, length, outChannels, x, false, filter, false, y, false, scratch)
  const patches = scratch + GEMM_SCRATCH
  const turn = turned()
  const rows = turn ? linesAtATime() * outWidth : rowsAtATime()
  for (let at: i32 = 0; at < positions; at += rows) {
    const count = min(rows, positions - at)
    if (turn) gatherTurned(x, patches, at / outWidth, count / outWidth)
    else gather(x, patches, at, count)
    product(count, length, outChannels, patches, turn, filter, false, y + ((<usize>at * outChannels) << 2), false, scratch)
  }
}

/** Gradient by the filter: dw[taps * inChannels, outChannels] = patches(x)ᵀ dy. */
export function convolveFilterGradient(
  x: usize, dy: usize, dw: usize, batch: i32, outChannels: i32, scratch: usize,
): void {
  const positions = batch * outHeight * outWidth
  const length = patchLength()
  if (pointwise()) return product(length, positions, outChannels, x, true, dy, false, dw, false, scratch)
  const patches = scratch + GEMM_SCRATCH
  const turn = turned()
  const rows = turn ? linesAtATime() * outWidth : rowsAtATime()
  if (positions == 0) memory.fill(dw, 0, (<usize>length * outChannels) << 2)
  for (let at: i32 = 0; at < positions; at += rows) {
    const count = min(rows, positions - at)
    if (turn) gatherTurned(x, patches, at / outWidth, count / outWidth)
    else gather(x, patches, at, count)
    const slope = dy + ((<usize>at * outChannels) << 2)
    product(length, count, outChannels, patches, !turn, slope, false, dw, at > 0, scratch)
  }
}

/** Gradient by the input: dx = the sum over windows of dy filterᵀ, each added where its patch came from. */
export function convolveInputGradient(
  filter: usize, dy: usize, dx: usize, batch: i32, outChannels: i32, scratch: usize,
): void {
  const positions = batch * outHeight * outWidth
  const length = patchLength()
  if (pointwise()) return product(positions, outChannels, length, dy, false, filter, true, dx, false, scratch)
  memory.fill(dx, 0, (<usize>batch * inHeight * inWidth * channels) << 2)
  const rows = rowsAtATime()
  const patches = scratch + GEMM_SCRATCH
  for (let at: i32 = 0; at < positions; at += rows) {
    const count = min(rows, positions - at)
    const slope = dy + ((<usize>at * outChannels) << 2)
    product(count, outChannels, length, slope, false, filter, true, patches, false, scratch)
    scatter(patches, dx, at, count)
  }
}

/** Writes patches `first` ... `first + count - 1`, counted over images, rows and columns of the output. */
function gather(x: usize, patches: usize, first: i32, count: i32): void {
  const size = outHeight * outWidth
  let image = first / size
  let oy = (first % size) / outWidth
  let ox = first % outWidth
  const pixel = <usize>channels << 2
  const lineBytes = <usize>filterWidth * pixel
  for (; count > 0; count--) {
    const ix = ox * strideWidth - left
    const from = min(filterWidth, max(0, -ix)) // taps of a line that lie inside the image: [from, to)
    const to = max(from, min(filterWidth, inWidth - ix))
    const before = <usize>from * pixel
    const inside = <usize>(to - from) * pixel
    for (let ky: i32 = 0; ky < filterHeight; ky++, patches += lineBytes) {
      const iy = oy * strideHeight + ky - top
      if (iy < 0 || iy >= inHeight) {
        zero(patches, lineBytes)
        continue
      }
      const source = x + <usize>((image * inHeight + iy) * inWidth + ix + from) * pixel
      if (before) zero(patches, before)
      copy(source, patches + before, inside)
      if (before + inside < lineBytes) zero(patches + before + inside, lineBytes - before - inside)
    }
    if (++ox == outWidth) {
      ox = 0
      if (++oy == outHeight) {
        oy = 0
        image++
      }
    }
  }
}

/** Patches of whole lines of the output as [taps, lines * outWidth]: of one channel, stride 1 along the line. */
function gatherTurned(x: usize, patches: usize, first: i32, lines: i32): void {
  const lineBytes = <usize>outWidth << 2
  for (let ky: i32 = 0; ky < filterHeight; ky++)
    for (let kx: i32 = 0; kx < filterWidth; kx++) {
      const shift = kx - left
      const from = min(outWidth, max(0, -shift)) // outputs of a line whose tap lies inside the image: [from, to)
      const to = max(from, min(outWidth, inWidth - shift))
      let image = first / outHeight
      let oy = first % outHeight
      for (let line: i32 = 0; line < lines; line++, patches += lineBytes) {
        const iy = oy * strideHeight + ky - top
        if (iy < 0 || iy >= inHeight) zero(patches, lineBytes)
        else {
          if (from > 0) zero(patches, <usize>from << 2)
          const source = x + (<usize>((image * inHeight + iy) * inWidth + shift + from) << 2)
          copy(source, patches + (<usize>from << 2), <usize>(to - from) << 2)
          if (to < outWidth) zero(patches + (<usize>to << 2), <usize>(outWidth - to) << 2)
        }
        if (++oy == outHeight) {
          oy = 0
          image++
        }
      }
    }
}

/** The transpose of `gather`: adds each element of a patch to the one it stands for. */
function scatter(patches: usize, x: usize, first: i32, count: i32): void {
  const size = outHeight * outWidth
  let image = first / size
  let oy = (first % size) / outWidth
  let ox = first % outWidth
  const pixel = <usize>channels << 2
  const lineBytes = <usize>filterWidth * pixel
  for (; count > 0; count--) {
    const ix = ox * strideWidth - left
    const from = min(filterWidth, max(0, -ix))
    const to = max(from, min(filterWidth, inWidth - ix))
    for (let ky: i32 = 0; ky < filterHeight; ky++, patches += lineBytes) {
      const iy = oy * strideHeight + ky - top
      if (iy < 0 || iy >= inHeight) continue
      const target = x + <usize>((image * inHeight + iy) * inWidth + ix + from) * pixel
      add(patches + <usize>from * pixel, target, <usize>(to - from) * pixel)
    }
    if (++ox == outWidth) {
      ox = 0
      if (++oy == outHeight) {
        oy = 0
        image++
      }
    }
  }
}

// Runs are short (a line of a window), so these loops beat memory.copy and memory.fill.

@inline
function copy(from: usize, to: usize, bytes: usize): void {
  const end = to + bytes
  for (; to + 16 <= end; from += 16, to += 16) v128.store(to, v128.load(from))
  for (; to < end; from += 4, to += 4) f32.store(to, f32.load(from))
}

@inline
function zero(to: usize, bytes: usize): void {
  const end = to + bytes
  for (; to + 16 <= end; to += 16) v128.store(to, f32x4.splat(0))
  for (; to < end; to += 4) f32.store(to, 0)
}

@inline
function add(from: usize, to: usize, bytes: usize): void {
  const end = to + bytes
  for (; to + 16 <= end; from += 16, to += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)))
  for (; to < end; from += 4, to += 4) f32.store(to, f32.load(to) + f32.load(from))
}

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
