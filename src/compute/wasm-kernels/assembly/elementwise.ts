import { rectified } from './lanes'

/** out = a + b, then max(out, 0) when `relu`, for float32 of `length`; `out` may be one of them. */
export function plus(a: usize, b: usize, out: usize, length: i32, relu: bool): void {
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    let sum = f32x4.add(v128.load(a + at), v128.load(b + at))
    if (relu) sum = rectified(sum)
    v128.store(out + at, sum)
  }
  for (; at < bytes; at += 4) {
    let sum = f32.load(a + at) + f32.load(b + at)
    if (relu) sum = max<f32>(sum, 0)
    f32.store(out + at, sum)
  }
}

/** out = max(x, 0); NaN stays NaN. */
export function rectify(x: usize, out: usize, length: i32): void {
  const end = x + (<usize>length << 2)
  for (; x + 64 <= end; x += 64, out += 64) {
    const first = v128.load(x)
    const second = v128.load(x, 16)
    const third = v128.load(x, 32)
    const fourth = v128.load(x, 48)
    v128.store(out, rectified(first))
    v128.store(out, rectified(second), 16)
    v128.store(out, rectified(third), 32)
    v128.store(out, rectified(fourth), 48)
  }
  for (; x < end; x += 4, out += 4) f32.store(out, max<f32>(f32.load(x), 0))
}

/** x *= factor. */
export function scale(x: usize, length: i32, factor: f32): void {
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) v128.store(x + at, f32x4.mul(v128.load(x + at), f32x4.splat(factor)))
  for (; at < bytes; at += 4) f32.store(x + at, f32.load(x + at) * factor)
}

/** Whether one of the values is −∞. */
export function hasLeast(x: usize, length: i32): bool {
  const least = f32x4.splat(-Infinity)
  const end = x + (<usize>length << 2)
  for (; x + 64 <= end; x += 64) {
    const low = v128.or(f32x4.eq(v128.load(x), least), f32x4.eq(v128.load(x, 16), least))
    const high = v128.or(f32x4.eq(v128.load(x, 32), least), f32x4.eq(v128.load(x, 48), least))
    if (v128.any_true(v128.or(low, high))) return true
  }
  for (; x < end; x += 4) if (f32.load(x) == -Infinity) return true
  return false
}

/** out = min(max(x, low), high); NaN stays NaN, as these instructions of WebAssembly have it. */
export function clamp(x: usize, out: usize, length: i32, low: f32, high: f32): void {
  const lows = f32x4.splat(low)
  const highs = f32x4.splat(high)
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16)
    v128.store(out + at, f32x4.min(f32x4.max(v128.load(x + at), lows), highs))
  for (; at < bytes; at += 4) f32.store(out + at, min<f32>(max<f32>(f32.load(x + at), low), high))
}

/** to = from · scale, of `length` bytes: each product is taken in float64 and rounded once, as JavaScript does. */
export function scaleBytes(from: usize, to: usize, length: i32, factor: f64): void {
  const factors = f64x2.splat(factor)
  let i: i32 = 0
  for (; i + 4 <= length; i += 4, from += 4, to += 16) {
    const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)))
    const low = f64x2.mul(f64x2.convert_low_i32x4_u(words), factors)
    const high = f64x2.mul(f64x2.convert_low_i32x4_u(v128.shuffle<i32>(words, words, 2, 3, 2, 3)), factors)
    v128.store(to, v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5))
  }
  for (; i < length; i++, from++, to += 4) f32.store(to, <f32>(<f64>load<u8>(from) * factor))
}
