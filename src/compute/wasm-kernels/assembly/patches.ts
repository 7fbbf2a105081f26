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

/** Writes patches `first` ... `first + count - 1`, counted over images, rows and columns of the output. */
export function gather(x: usize, patches: usize, first: i32, count: i32): void {
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
export function gatherTurned(x: usize, patches: usize, first: i32, lines: i32): void {
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
export function scatter(patches: usize, x: usize, first: i32, count: i32): void {
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
