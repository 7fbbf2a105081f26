/**
 * Gradient of max pooling: each dy goes to the first largest element of its window, of those that lie inside the image.
 * Four channels at a time, the last ones singly. `height` and `width` are the window's.
 */
export function maxPoolGradient(
  x: usize, dy: usize, dx: usize, batch: i32, inHeight: i32, inWidth: i32, channels: i32, outHeight: i32,
  outWidth: i32, height: i32, width: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  memory.fill(dx, 0, (<usize>batch * inHeight * inWidth * channels) << 2)
  const pixel = <usize>channels << 2
  for (let image: i32 = 0; image < batch; image++)
    for (let oy: i32 = 0; oy < outHeight; oy++)
      for (let ox: i32 = 0; ox < outWidth; ox++, dy += pixel) {
        const y0 = max(0, oy * strideHeight - top)
        const y1 = min(inHeight, oy * strideHeight - top + height)
        const x0 = max(0, ox * strideWidth - left)
        const x1 = min(inWidth, ox * strideWidth - left + width)
        if (y0 >= y1 || x0 >= x1) continue
        let channel: i32 = 0
        for (; channel + 4 <= channels; channel += 4) {
          const start = <usize>((image * inHeight + y0) * inWidth + x0) * pixel + (<usize>channel << 2)
          let best = v128.load(x + start)
          let where = i32x4.splat(<i32>start)
          for (let iy = y0; iy < y1; iy++) {
            let at = <usize>((image * inHeight + iy) * inWidth + x0) * pixel + (<usize>channel << 2)
            for (let ix = x0; ix < x1; ix++, at += pixel) {
              const value = v128.load(x + at)
              const larger = f32x4.gt(value, best)
              best = v128.bitselect(value, best, larger)
              where = v128.bitselect(i32x4.splat(<i32>at), where, larger)
            }
          }
          const slope = dy + (<usize>channel << 2)
          give(dx + <usize>i32x4.extract_lane(where, 0), f32.load(slope))
          give(dx + <usize>i32x4.extract_lane(where, 1) + 4, f32.load(slope, 4))
          give(dx + <usize>i32x4.extract_lane(where, 2) + 8, f32.load(slope, 8))
          give(dx + <usize>i32x4.extract_lane(where, 3) + 12, f32.load(slope, 12))
        }
        for (; channel < channels; channel++) {
          let where = <usize>((image * inHeight + y0) * inWidth + x0) * pixel + (<usize>channel << 2)
          let best = f32.load(x + where)
          for (let iy = y0; iy < y1; iy++) {
            let at = <usize>((image * inHeight + iy) * inWidth + x0) * pixel + (<usize>channel << 2)
            for (let ix = x0; ix < x1; ix++, at += pixel)
              if (f32.load(x + at) > best) {
                best = f32.load(x + at)
                where = at
              }
          }
          give(dx + where, f32.load(dy + (<usize>channel << 2)))
        }
      }
}

/**
 * Gradient of average pooling: each element inside the image gets its share of dy, that of a whole window, as in every
 * kernel of TF.js under this name; src/compute/gradients/avg-pool.ts makes dy larger where padding took no part.
 */
export function avgPoolGradient(
  dy: usize, dx: usize, batch: i32, inHeight: i32, inWidth: i32, channels: i32, outHeight: i32, outWidth: i32,
  height: i32, width: i32, strideHeight: i32, strideWidth: i32, top: i32, left: i32,
): void {
  memory.fill(dx, 0, (<usize>batch * inHeight * inWidth * channels) << 2)
  const share = <f32>1 / <f32>(height * width)
  const pixel = <usize>channels << 2
  for (let image: i32 = 0; image < batch; image++)
    for (let oy: i32 = 0; oy < outHeight; oy++)
      for (let ox: i32 = 0; ox < outWidth; ox++, dy += pixel) {
        const y0 = max(0, oy * strideHeight - top)
        const y1 = min(inHeight, oy * strideHeight - top + height)
        const x0 = max(0, ox * strideWidth - left)
        const x1 = min(inWidth, ox * strideWidth - left + width)
        for (let iy = y0; iy < y1; iy++) {
          let to = dx + <usize>((image * inHeight + iy) * inWidth + x0) * pixel
          for (let ix = x0; ix < x1; ix++) {
            let from = dy
            const end = to + pixel
            for (; to + 16 <= end; to += 16, from += 16)
              v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(from), f32x4.splat(share))))
            for (; to < end; to += 4, from += 4) f32.store(to, f32.load(to) + f32.load(from) * share)
          }
        }
      }
}

@inline
function give(to: usize, value: f32): void {
  f32.store(to, f32.load(to) + value)
}
