import { upper } from './lanes'

/**
 * Sums along rows: float32 values, added in float64 and rounded once. A float32 sum stands still where it is 2²⁴ times what is
 * added: 10⁷ times 0.1 would come to 1,087,937. Eight sums take every eighth value each and are added in order at the end.
 */

/** out[row] = the sum of x[row, 0 … length). */
export function rowSums(x: usize, rows: i32, length: i32, out: usize): void {
  const line = <usize>length << 2
  for (; rows > 0; rows--, x += line, out += 4) f32.store(out, sumOf(x, length, false))
}

/** The sum of x², each square rounded to float32: the bits of TF.js's square and our kernel `Sum` of it. */
export function squareSum(x: usize, length: i32): f32 {
  return sumOf(x, length, true)
}

@inline
function sumOf(x: usize, length: i32, squared: bool): f32 {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0
  let i: i32 = 0
  for (; i + 8 <= length; i += 8, x += 32) {
    let low = v128.load(x)
    let high = v128.load(x, 16)
    if (squared) {
      low = f32x4.mul(low, low)
      high = f32x4.mul(high, high)
    }
    s0 = f64x2.add(s0, f64x2.promote_low_f32x4(low))
    s1 = f64x2.add(s1, f64x2.promote_low_f32x4(upper(low)))
    s2 = f64x2.add(s2, f64x2.promote_low_f32x4(high))
    s3 = f64x2.add(s3, f64x2.promote_low_f32x4(upper(high)))
  }
  const pairs = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3))
  let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1)
  for (; i < length; i++, x += 4) {
    const value = f32.load(x)
    sum += <f64>(squared ? value * value : value)
  }
  return <f32>sum
}
