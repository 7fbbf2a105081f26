/** The convolution being worked on: described by the caller, then computed, with nothing in between. */
export let inHeight: i32, inWidth: i32, channels: i32
export let outHeight: i32, outWidth: i32
export let filterHeight: i32, filterWidth: i32
export let strideHeight: i32, strideWidth: i32
export let top: i32, left: i32

/** Sizes of the convolution that follows. `padTop` and `padLeft` are the zeros before the image. */
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
