/**
 * IEEE 754 binary16 as float32, exactly: every half is a float. `bytes`: little-endian, two for each value. Sign 1, exponent 5
 * (bias 15), fraction 10 bits; exponent 0: fraction · 2⁻²⁴, exponent 31: infinity, or NaN where the fraction is not 0.
 */
export function floatsOfHalves(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.length / 2)
  for (let i = 0; i < values.length; i++) values[i] = floatOfHalf(bytes[2 * i]! | (bytes[2 * i + 1]! << 8))
  return values
}

function floatOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** bfloat16 as float32, exactly: it is the upper half of one. `bytes`: little-endian, two for each value. */
export function floatsOfBfloats(bytes: Uint8Array): Float32Array {
  const values = new Uint32Array(bytes.length / 2)
  for (let i = 0; i < values.length; i++) values[i] = ((bytes[2 * i]! | (bytes[2 * i + 1]! << 8)) << 16) >>> 0
  return new Float32Array(values.buffer)
}
