/** y = the largest value of each window, of those inside the image; NaN where one is NaN. Four channels at a time. */
export function maxPool(
  x: usize, y: usize, batch: i32, inHeight: i32, inWidth: i32, channels: i32, outHeight: i32, outWidth: i32, height: i32,
  width: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  const pixel = <usize>channels << 2
  for (let image: i32 = 0; image < batch; image++)
    for (let oy: i32 = 0; oy < outHeight; oy++)
      for (let ox: i32 = 0; ox < outWidth; ox++, y += pixel) {
        const y0 = max(0, oy * strideHeight - top)
        const y1 = min(inHeight, oy * strideHeight - top + height)
        const x0 = max(0, ox * strideWidth - left)
        const x1 = min(inWidth, ox * strideWidth - left + width)
        const first = x + <usize>((image * inHeight + y0) * inWidth + x0) * pixel
        let at: usize = 0
        for (; at + 16 <= pixel; at += 16) {
          let best = v128.load(first + at)
          let line = first + at
          for (let iy = y0; iy < y1; iy++, line += <usize>inWidth * pixel)
            for (let ix: i32 = 0, from = line; ix < x1 - x0; ix++, from += pixel) best = f32x4.max(best, v128.load(from))
          v128.store(y + at, best)
        }
        for (; at < pixel; at += 4) {
          let best = f32.load(first + at)
          let line = first + at
          for (let iy = y0; iy < y1; iy++, line += <usize>inWidth * pixel)
            for (let ix: i32 = 0, from = line; ix < x1 - x0; ix++, from += pixel) best = max<f32>(best, f32.load(from))
          f32.store(y + at, best)
        }
      }
}

/** y = the mean of each window; every window lies inside the image. Sums run over the window row by row. */
export function averagePool(
  x: usize, y: usize, batch: i32, inHeight: i32, inWidth: i32, channels: i32, outHeight: i32, outWidth: i32, height: i32,
  width: i32, strideHeight: i32, strideWidth: i32,
): void {
  const pixel = <usize>channels << 2
  const share = <f32>1 / <f32>(height * width)
  for (let image: i32 = 0; image < batch; image++)
    for (let oy: i32 = 0; oy < outHeight; oy++)
      for (let ox: i32 = 0; ox < outWidth; ox++, y += pixel) {
        const first = x + <usize>((image * inHeight + oy * strideHeight) * inWidth + ox * strideWidth) * pixel
        let at: usize = 0
        for (; at + 16 <= pixel; at += 16) {
          let sum = f32x4.splat(0)
          let line = first + at
          for (let iy: i32 = 0; iy < height; iy++, line += <usize>inWidth * pixel)
            for (let ix: i32 = 0, from = line; ix < width; ix++, from += pixel) sum = f32x4.add(sum, v128.load(from))
          v128.store(y + at, f32x4.mul(sum, f32x4.splat(share)))
        }
        for (; at < pixel; at += 4) {
          let sum: f32 = 0
          let line = first + at
          for (let iy: i32 = 0; iy < height; iy++, line += <usize>inWidth * pixel)
            for (let ix: i32 = 0, from = line; ix < width; ix++, from += pixel) sum += f32.load(from)
          f32.store(y + at, sum * share)
        }
      }
}

/** Values up to which a float32 sum is good enough: as in ../sum.ts, whose bits these means have. */
const FEW: i32 = 1024

/** y[batch, channels] = the mean over all positions of x[batch, positions, channels], summed in the order of positions. */
export function channelMeans(x: usize, y: usize, batch: i32, positions: i32, channels: i32): void {
  const pixel = <usize>channels << 2
  const image = <usize>positions * pixel
  for (; batch > 0; batch--, x += image, y += pixel) {
    let at: usize = 0
    if (positions <= FEW)
      for (; at + 16 <= pixel; at += 16) {
        let sum = f32x4.splat(0)
        for (let from = x + at; from < x + image; from += pixel) sum = f32x4.add(sum, v128.load(from))
        v128.store(y + at, f32x4.div(sum, f32x4.splat(<f32>positions)))
      }
    for (; at < pixel; at += 4) f32.store(y + at, sumAlong(x + at, x + image, pixel, positions) / <f32>positions)
  }
}

/** The sum of the values from `from` on, `step` bytes apart: in float32 when they are few, else in float64. */
@inline
function sumAlong(from: usize, end: usize, step: usize, count: i32): f32 {
  let short: f32 = 0
  let long: f64 = 0
  if (count <= FEW) for (; from < end; from += step) short += f32.load(from)
  else for (; from < end; from += step) long += <f64>f32.load(from)
  return count <= FEW ? short : <f32>long
}

/** dx = dy / positions at every position. */
export function channelMeansGradient(dy: usize, dx: usize, batch: i32, positions: i32, channels: i32): void {
  const pixel = <usize>channels << 2
  for (; batch > 0; batch--, dy += pixel)
    for (const end = dx + <usize>positions * pixel; dx < end; dx += pixel) {
      let at: usize = 0
      for (; at + 16 <= pixel; at += 16)
        v128.store(dx + at, f32x4.div(v128.load(dy + at), f32x4.splat(<f32>positions)))
      for (; at < pixel; at += 4) f32.store(dx + at, f32.load(dy + at) / <f32>positions)
    }
}
