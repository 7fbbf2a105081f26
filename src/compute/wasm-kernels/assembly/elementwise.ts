/** out = a + b, then max(out, 0) when `relu`, for float32 of `length`; `out` may be one of them. */
export function plus(a: usize, b: usize, out: usize, length: i32, relu: bool): void {
  const zero = f32x4.splat(0)
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    let sum = f32x4.add(v128.load(a + at), v128.load(b + at))
    if (relu) sum = f32x4.max(sum, zero)
    v128.store(out + at, sum)
  }
  for (; at < bytes; at += 4) {
    let sum = f32.load(a + at) + f32.load(b + at)
    if (relu) sum = max<f32>(sum, 0)
    f32.store(out + at, sum)
  }
}

/** x *= factor. */
export function scale(x: usize, length: i32, factor: f32): void {
  const bytes = <usize>length << 2
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) v128.store(x + at, f32x4.mul(v128.load(x + at), f32x4.splat(factor)))
  for (; at < bytes; at += 4) f32.store(x + at, f32.load(x + at) * factor)
}

/** The sum of x², one after the other in float32: the bits of TF.js's square and sum. */
export function squareSum(x: usize, length: i32): f32 {
  let sum: f32 = 0
  for (const end = x + (<usize>length << 2); x < end; x += 4) sum += f32.load(x) * f32.load(x)
  return sum
}
