import { GEMM_SCRATCH, product } from './gemm'
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
import { gather, gatherTurned, scatter } from './patches'

/**
 * Convolutions as products with a matrix of patches, [positions, taps * inChannels], that is written a few hundred rows
 * at a time so that it stays in the cache. Images are NHWC, filters HWIO; any stride and padding, no dilation.
 */

/** Bytes of patches written at a time. */
const PATCHES: usize = 512 << 10
/** Bytes that the convolution described last needs beside its operands. */
export function convolutionScratch(): usize {
  const least = <usize>(patchLength() * (turned() ? outWidth : 1))
  return GEMM_SCRATCH + max(PATCHES, least << 2)
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
