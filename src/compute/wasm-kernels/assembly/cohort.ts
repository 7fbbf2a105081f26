import { upper } from './lanes'

/**
 * Sums over the updates u_k = rows[k] - origin of a cohort on a piece of the parameters: `count` rows of `length` float32,
 * one behind the other. All is float64, and added to what is there: a cohort may come in several groups of rows.
 */

/** squares[k] += |u_k|². */
export function addNorms(rows: usize, count: i32, length: i32, origin: usize, squares: usize): void {
  for (let k: i32 = 0; k < count; k++, squares += 8) {
    let s0 = f64x2.splat(0), s1 = s0
    let i: i32 = 0
    for (; i + 4 <= length; i += 4, rows += 16) {
      const row = v128.load(rows)
      const start = v128.load(origin + (<usize>i << 2))
      const u0 = f64x2.sub(f64x2.promote_low_f32x4(row), f64x2.promote_low_f32x4(start))
      const u1 = f64x2.sub(f64x2.promote_low_f32x4(upper(row)), f64x2.promote_low_f32x4(upper(start)))
      s0 = f64x2.add(s0, f64x2.mul(u0, u0))
      s1 = f64x2.add(s1, f64x2.mul(u1, u1))
    }
    let sum = across(f64x2.add(s0, s1))
    for (; i < length; i++, rows += 4) {
      const u = <f64>f32.load(rows) - <f64>f32.load(origin + (<usize>i << 2))
      sum += u * u
    }
    f64.store(squares, f64.load(squares) + sum)
  }
}

/** mean += the sum of shares[k] u_k. */
export function addMean(rows: usize, count: i32, length: i32, origin: usize, shares: usize, mean: usize): void {
  for (let k: i32 = 0; k < count; k++, shares += 8) {
    const share = f64.load(shares)
    const shareTwice = f64x2.splat(share)
    let i: i32 = 0
    for (; i + 4 <= length; i += 4, rows += 16) {
      const at = mean + (<usize>i << 3)
      const row = v128.load(rows)
      const start = v128.load(origin + (<usize>i << 2))
      const u0 = f64x2.sub(f64x2.promote_low_f32x4(row), f64x2.promote_low_f32x4(start))
      const u1 = f64x2.sub(f64x2.promote_low_f32x4(upper(row)), f64x2.promote_low_f32x4(upper(start)))
      v128.store(at, f64x2.add(v128.load(at), f64x2.mul(shareTwice, u0)))
      v128.store(at, f64x2.add(v128.load(at, 16), f64x2.mul(shareTwice, u1)), 16)
    }
    for (; i < length; i++, rows += 4) {
      const at = mean + (<usize>i << 3)
      const u = <f64>f32.load(rows) - <f64>f32.load(origin + (<usize>i << 2))
      f64.store(at, f64.load(at) + share * u)
    }
  }
}

/** dots[k] += u_k · mean, one += the sum of ones[k] u_k, other += the sum of others[k] u_k. */
export function addProducts(
  rows: usize, count: i32, length: i32, origin: usize, mean: usize, ones: usize, others: usize, dots: usize,
  one: usize, other: usize,
): void {
  for (let k: i32 = 0; k < count; k++, ones += 8, others += 8, dots += 8) {
    const scaleOne = f64.load(ones)
    const scaleOther = f64.load(others)
    const oneTwice = f64x2.splat(scaleOne)
    const otherTwice = f64x2.splat(scaleOther)
    let d0 = f64x2.splat(0), d1 = d0
    let i: i32 = 0
    for (; i + 4 <= length; i += 4, rows += 16) {
      const at = <usize>i << 3
      const row = v128.load(rows)
      const start = v128.load(origin + (at >> 1))
      const u0 = f64x2.sub(f64x2.promote_low_f32x4(row), f64x2.promote_low_f32x4(start))
      const u1 = f64x2.sub(f64x2.promote_low_f32x4(upper(row)), f64x2.promote_low_f32x4(upper(start)))
      d0 = f64x2.add(d0, f64x2.mul(u0, v128.load(mean + at)))
      d1 = f64x2.add(d1, f64x2.mul(u1, v128.load(mean + at, 16)))
      v128.store(one + at, f64x2.add(v128.load(one + at), f64x2.mul(oneTwice, u0)))
      v128.store(one + at, f64x2.add(v128.load(one + at, 16), f64x2.mul(oneTwice, u1)), 16)
      v128.store(other + at, f64x2.add(v128.load(other + at), f64x2.mul(otherTwice, u0)))
      v128.store(other + at, f64x2.add(v128.load(other + at, 16), f64x2.mul(otherTwice, u1)), 16)
    }
    let dot = across(f64x2.add(d0, d1))
    for (; i < length; i++, rows += 4) {
      const at = <usize>i << 3
      const u = <f64>f32.load(rows) - <f64>f32.load(origin + (at >> 1))
      dot += u * f64.load(mean + at)
      f64.store(one + at, f64.load(one + at) + scaleOne * u)
      f64.store(other + at, f64.load(other + at) + scaleOther * u)
    }
    f64.store(dots, f64.load(dots) + dot)
  }
}

/**
 * out[i * 32 + j] += a_i · b_j for `rowsA` rows and `rowsB`, at most 32, of `length` float32 that begin `stride` values apart.
 * With `upper`, a and b are the same rows and what lies below the diagonal is left out or not, as it comes. The caller pads
 * with zeros: rowsA to a multiple of 2, rowsB to one of 4, length to one of 2.
 */
export function addInnerProducts(
  a: usize, rowsA: i32, b: usize, rowsB: i32, length: i32, stride: i32, upper: bool, out: usize,
): void {
  const line = <usize>stride << 2
  for (let i: i32 = 0; i < rowsA; i += 2) {
    const row = a + <usize>i * line
    const sums = out + (<usize>i << 8)
    for (let j = upper ? i & ~3 : 0; j < rowsB; j += 4)
      addTwoByFour(row, row + line, b + <usize>j * line, line, length, sums + (<usize>j << 3))
  }
}

/** Six loads for eight products, and eight sums that need not wait for each other. */
function addTwoByFour(x: usize, y: usize, b0: usize, line: usize, length: i32, out: usize): void {
  const b1 = b0 + line
  const b2 = b1 + line
  const b3 = b2 + line
  let x0 = f64x2.splat(0), x1 = x0, x2 = x0, x3 = x0, y0 = x0, y1 = x0, y2 = x0, y3 = x0
  for (let at: usize = 0, end = <usize>length << 2; at < end; at += 8) {
    const u = f64x2.promote_low_f32x4(v128.load64_zero(x + at))
    const v = f64x2.promote_low_f32x4(v128.load64_zero(y + at))
    let w = f64x2.promote_low_f32x4(v128.load64_zero(b0 + at))
    x0 = f64x2.add(x0, f64x2.mul(u, w))
    y0 = f64x2.add(y0, f64x2.mul(v, w))
    w = f64x2.promote_low_f32x4(v128.load64_zero(b1 + at))
    x1 = f64x2.add(x1, f64x2.mul(u, w))
    y1 = f64x2.add(y1, f64x2.mul(v, w))
    w = f64x2.promote_low_f32x4(v128.load64_zero(b2 + at))
    x2 = f64x2.add(x2, f64x2.mul(u, w))
    y2 = f64x2.add(y2, f64x2.mul(v, w))
    w = f64x2.promote_low_f32x4(v128.load64_zero(b3 + at))
    x3 = f64x2.add(x3, f64x2.mul(u, w))
    y3 = f64x2.add(y3, f64x2.mul(v, w))
  }
  addFour(out, x0, x1, x2, x3)
  addFour(out + 256, y0, y1, y2, y3)
}

@inline
function addFour(out: usize, s0: v128, s1: v128, s2: v128, s3: v128): void {
  f64.store(out, f64.load(out) + across(s0))
  f64.store(out, f64.load(out, 8) + across(s1), 8)
  f64.store(out, f64.load(out, 16) + across(s2), 16)
  f64.store(out, f64.load(out, 24) + across(s3), 24)
}

/** The sum of the squares of `length` float64. */
export function squaredSum(values: usize, length: i32): f64 {
  let sum: f64 = 0
  for (let i: i32 = 0; i < length; i++, values += 8) sum += f64.load(values) * f64.load(values)
  return sum
}

@inline
function across(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1)
}
