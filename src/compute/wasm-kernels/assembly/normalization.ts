import { upper } from './lanes'

/**
 * Normalisation of sets of values: x is seen as [images, positions, groups, width], and a set is what one image has in
 * one group of channels. Batch normalisation has one image and as many groups as channels, layer normalisation one group.
 * Sums are float64; a channel's values are taken relative to its first one, so that a large mean costs no digits.
 */

/** Positions summed at a time, so that a line of the image is still in the innermost cache for its next channels. */
const CHUNK: i32 = 16

/** Bytes of scratch for so many channels: four sums in float64 and four rows of float32. */
export function normalizationScratch(channels: i32): usize {
  return <usize>channels * 48
}

/**
 * y = (x - mean) / √(variance + epsilon) gamma + beta. Also written, one for each set (image by image): the mean, the
 * variance (that of the values, without Bessel's correction) and `scale`, 1 / √(variance + epsilon).
 */
export function normalize(
  x: usize, gamma: usize, beta: usize, y: usize, mean: usize, variance: usize, scale: usize, images: i32,
  positions: i32, groups: i32, width: i32, epsilon: f64, scratch: usize,
): void {
  const channels = groups * width
  const squares = scratch + (<usize>channels << 3)
  const means = scratch + (<usize>channels << 5)
  const factors = means + (<usize>channels << 2)
  const bytes = <usize>(positions * channels) << 2
  const count = <f64>positions
  for (let image: i32 = 0; image < images; image++, x += bytes, y += bytes) {
    sumMoments(x, positions, channels, scratch, squares)
    for (let group: i32 = 0; group < groups; group++, mean += 4, variance += 4, scale += 4) {
      const first = group * width
      let centre: f64 = 0
      for (let c = first; c < first + width; c++) centre += channelMean(x, scratch, c, count)
      centre /= <f64>width
      let spread: f64 = 0
      for (let c = first; c < first + width; c++) {
        const sum = f64.load(at8(scratch, c))
        const off = channelMean(x, scratch, c, count) - centre
        spread += f64.load(at8(squares, c)) - (sum * sum) / count + count * off * off
      }
      spread = Math.max(0, spread / (count * <f64>width))
      const inverse = 1 / Math.sqrt(spread + epsilon)
      f32.store(mean, <f32>centre)
      f32.store(variance, <f32>spread)
      f32.store(scale, <f32>inverse)
      for (let c = first; c < first + width; c++) {
        f32.store(at4(means, c), <f32>centre)
        f32.store(at4(factors, c), <f32>(inverse * <f64>f32.load(at4(gamma, c))))
      }
    }
    standardise(x, y, positions, channels, means, factors, beta)
  }
}

/**
 * Gradients of `normalize`. With d = dy gamma, n = (x - mean) scale and means over a set:
 *   dx = (d - mean(d) - n mean(d n)) scale,  dGamma = the sum of dy n,  dBeta = the sum of dy.
 */
export function normalizeGradient(
  dy: usize, x: usize, gamma: usize, mean: usize, scale: usize, dx: usize, dGamma: usize, dBeta: usize, images: i32,
  positions: i32, groups: i32, width: i32, scratch: usize,
): void {
  const channels = groups * width
  const products = scratch + (<usize>channels << 3)
  const totals = products + (<usize>channels << 3)
  const productTotals = totals + (<usize>channels << 3)
  const means = scratch + (<usize>channels << 5)
  const slopes = means + (<usize>channels << 2)
  const pulls = slopes + (<usize>channels << 2)
  const shifts = pulls + (<usize>channels << 2)
  const bytes = <usize>(positions * channels) << 2
  memory.fill(totals, 0, <usize>channels << 4)
  for (let image: i32 = 0; image < images; image++, dy += bytes, x += bytes, dx += bytes) {
    for (let c: i32 = 0; c < channels; c++) f32.store(at4(means, c), f32.load(at4(mean, c / width)))
    sumProducts(dy, x, means, positions, channels, scratch, products)
    for (let group: i32 = 0; group < groups; group++, mean += 4, scale += 4) {
      const first = group * width
      const factor = <f64>f32.load(scale)
      let sum: f64 = 0
      let along: f64 = 0
      for (let c = first; c < first + width; c++) {
        const weight = <f64>f32.load(at4(gamma, c))
        const product = f64.load(at8(products, c)) * factor
        sum += weight * f64.load(at8(scratch, c))
        along += weight * product
        f64.store(at8(totals, c), f64.load(at8(totals, c)) + f64.load(at8(scratch, c)))
        f64.store(at8(productTotals, c), f64.load(at8(productTotals, c)) + product)
      }
      const size = <f64>positions * <f64>width
      for (let c = first; c < first + width; c++) {
        f32.store(at4(slopes, c), <f32>(factor * <f64>f32.load(at4(gamma, c))))
        f32.store(at4(pulls, c), <f32>((factor * factor * along) / size))
        f32.store(at4(shifts, c), <f32>((factor * sum) / size))
      }
    }
    combine(dy, x, dx, positions, channels, means, slopes, pulls, shifts)
  }
  for (let c: i32 = 0; c < channels; c++) {
    f32.store(at4(dBeta, c), <f32>f64.load(at8(totals, c)))
    f32.store(at4(dGamma, c), <f32>f64.load(at8(productTotals, c)))
  }
}

/** In each channel the sums of x - x[0] and of its square. */
function sumMoments(x: usize, positions: i32, channels: i32, sums: usize, squares: usize): void {
  const line = <usize>channels << 2
  memory.fill(sums, 0, <usize>channels << 4)
  for (let start: i32 = 0; start < positions; start += CHUNK) {
    const from = x + <usize>start * line
    const end = from + <usize>min(CHUNK, positions - start) * line
    let c: i32 = 0
    for (; c + 4 <= channels; c += 4) {
      const origin = v128.load(at4(x, c))
      const origin0 = f64x2.promote_low_f32x4(origin)
      const origin1 = f64x2.promote_low_f32x4(upper(origin))
      let s0 = v128.load(at8(sums, c)), s1 = v128.load(at8(sums, c), 16)
      let q0 = v128.load(at8(squares, c)), q1 = v128.load(at8(squares, c), 16)
      for (let at = at4(from, c); at < end; at += line) {
        const values = v128.load(at)
        const u0 = f64x2.sub(f64x2.promote_low_f32x4(values), origin0)
        const u1 = f64x2.sub(f64x2.promote_low_f32x4(upper(values)), origin1)
        s0 = f64x2.add(s0, u0)
        s1 = f64x2.add(s1, u1)
        q0 = f64x2.add(q0, f64x2.mul(u0, u0))
        q1 = f64x2.add(q1, f64x2.mul(u1, u1))
      }
      v128.store(at8(sums, c), s0)
      v128.store(at8(sums, c), s1, 16)
      v128.store(at8(squares, c), q0)
      v128.store(at8(squares, c), q1, 16)
    }
    for (; c < channels; c++) {
      const origin = <f64>f32.load(at4(x, c))
      let s = f64.load(at8(sums, c))
      let q = f64.load(at8(squares, c))
      for (let at = at4(from, c); at < end; at += line) {
        const u = <f64>f32.load(at) - origin
        s += u
        q += u * u
      }
      f64.store(at8(sums, c), s)
      f64.store(at8(squares, c), q)
    }
  }
}

/** In each channel the sums of dy and of dy (x - mean). */
function sumProducts(
  dy: usize, x: usize, means: usize, positions: i32, channels: i32, sums: usize, products: usize,
): void {
  const line = <usize>channels << 2
  memory.fill(sums, 0, <usize>channels << 4)
  for (let start: i32 = 0; start < positions; start += CHUNK) {
    const from = x + <usize>start * line
    const end = from + <usize>min(CHUNK, positions - start) * line
    const slope = dy - x
    let c: i32 = 0
    for (; c + 4 <= channels; c += 4) {
      const mean = v128.load(at4(means, c))
      const mean0 = f64x2.promote_low_f32x4(mean)
      const mean1 = f64x2.promote_low_f32x4(upper(mean))
      let s0 = v128.load(at8(sums, c)), s1 = v128.load(at8(sums, c), 16)
      let p0 = v128.load(at8(products, c)), p1 = v128.load(at8(products, c), 16)
      for (let at = at4(from, c); at < end; at += line) {
        const values = v128.load(at)
        const d = v128.load(at + slope)
        const d0 = f64x2.promote_low_f32x4(d)
        const d1 = f64x2.promote_low_f32x4(upper(d))
        s0 = f64x2.add(s0, d0)
        s1 = f64x2.add(s1, d1)
        p0 = f64x2.add(p0, f64x2.mul(d0, f64x2.sub(f64x2.promote_low_f32x4(values), mean0)))
        p1 = f64x2.add(p1, f64x2.mul(d1, f64x2.sub(f64x2.promote_low_f32x4(upper(values)), mean1)))
      }
      v128.store(at8(sums, c), s0)
      v128.store(at8(sums, c), s1, 16)
      v128.store(at8(products, c), p0)
      v128.store(at8(products, c), p1, 16)
    }
    for (; c < channels; c++) {
      const mean = <f64>f32.load(at4(means, c))
      let s = f64.load(at8(sums, c))
      let p = f64.load(at8(products, c))
      for (let at = at4(from, c); at < end; at += line) {
        const d = <f64>f32.load(at + slope)
        s += d
        p += d * (<f64>f32.load(at) - mean)
      }
      f64.store(at8(sums, c), s)
      f64.store(at8(products, c), p)
    }
  }
}

/** y = (x - means) factors + shifts, rows of `channels` values. */
function standardise(
  x: usize, y: usize, positions: i32, channels: i32, means: usize, factors: usize, shifts: usize,
): void {
  for (let position: i32 = 0; position < positions; position++) {
    let c: i32 = 0
    for (; c + 4 <= channels; c += 4, x += 16, y += 16) {
      const centred = f32x4.sub(v128.load(x), v128.load(at4(means, c)))
      v128.store(y, f32x4.add(f32x4.mul(centred, v128.load(at4(factors, c))), v128.load(at4(shifts, c))))
    }
    for (; c < channels; c++, x += 4, y += 4) {
      const centred = f32.load(x) - f32.load(at4(means, c))
      f32.store(y, centred * f32.load(at4(factors, c)) + f32.load(at4(shifts, c)))
    }
  }
}

/** dx = dy slopes - (x - means) pulls - shifts, rows of `channels` values. */
function combine(
  dy: usize, x: usize, dx: usize, positions: i32, channels: i32, means: usize, slopes: usize, pulls: usize,
  shifts: usize,
): void {
  for (let position: i32 = 0; position < positions; position++) {
    let c: i32 = 0
    for (; c + 4 <= channels; c += 4, dy += 16, x += 16, dx += 16) {
      const centred = f32x4.sub(v128.load(x), v128.load(at4(means, c)))
      const pull = f32x4.add(f32x4.mul(centred, v128.load(at4(pulls, c))), v128.load(at4(shifts, c)))
      v128.store(dx, f32x4.sub(f32x4.mul(v128.load(dy), v128.load(at4(slopes, c))), pull))
    }
    for (; c < channels; c++, dy += 4, x += 4, dx += 4) {
      const pull = (f32.load(x) - f32.load(at4(means, c))) * f32.load(at4(pulls, c)) + f32.load(at4(shifts, c))
      f32.store(dx, f32.load(dy) * f32.load(at4(slopes, c)) - pull)
    }
  }
}

@inline
function channelMean(x: usize, sums: usize, channel: i32, count: f64): f64 {
  return <f64>f32.load(at4(x, channel)) + f64.load(at8(sums, channel)) / count
}

@inline
function at4(base: usize, index: i32): usize {
  return base + (<usize>index << 2)
}

@inline
function at8(base: usize, index: i32): usize {
  return base + (<usize>index << 3)
}
