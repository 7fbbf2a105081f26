/**
 * NaN as JavaScript writes it, as x86 makes it of ∞ − ∞, and with every bit set, as a comparison of vectors leaves it. The table is
 * made by bits, and copied by bits: as a number, a NaN has none to rely on.
 */
const NAN_BITS = [0x7fc00000, 0xffc00000, 0xffffffff]

/** Float32 values of every kind: none, infinite, zeros, below the least normal, tiny, around 1 and its halves, large. */
export const SPECIAL = withEveryNaN([
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1],
  ...signed([2 ** -149, 1e-40, 2 ** -126, 1.2e-38, 1e-30, 1e-20, 1e-10, 1e-8, 5e-8, 9e-8, 1e-7, 1.1e-7, 1e-6, 1e-5]),
  ...signed([1e-4, 1e-3, 0.01, 0.1, 0.25, 0.5, 0.75, 0.999, 1.001, 1.5, 2, 2.5, 3, 3.5, 5, 5.99, 6, 7, 8.9, 9.1]),
  ...signed([10, 14.5, 16, 17, 20, 30, 50, 80, 86, 100, 1000, 1e5, 2 ** 24, 2 ** 24 + 2, 2 ** 31, 1e10]),
  ...signed([1e20, 1e30, 1e38, 3.4e38]),
])

/** Fewer, for every pair of them. */
export const PAIRED = withEveryNaN([
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0],
  ...signed([1e-40, 1e-20, 1e-8, 0.1, 1, 2.5, 3, 1e5, 1e20, 3e38]),
])

/** So many that webgpu computes them on its device, and that each kind comes to every lane of a vector and into its tail. */
export const LEAST = 1009

/** The values over and over, `LEAST` of them or a little more, an odd number. */
export function repeated(values: Float32Array): Float32Array {
  return picked(values, values.length, i => i)
}

/** Every value with every other. */
export function pairs(values: Float32Array): readonly [Float32Array, Float32Array] {
  const count = values.length ** 2
  return [picked(values, count, i => Math.floor(i / values.length)), picked(values, count, i => i % values.length)]
}

/** `count` values by their index, over and over. */
function picked(values: Float32Array, count: number, index: (i: number) => number): Float32Array {
  const bits = new Uint32Array(values.buffer)
  const length = Math.ceil(LEAST / count) * count
  const picks = { length: length % 2 ? length : length - 1 }
  return new Float32Array(Uint32Array.from(picks, (_, i) => bits[index(i % count)]!).buffer)
}

function withEveryNaN(values: readonly number[]): Float32Array {
  const rest = new Uint32Array(Float32Array.from(values).buffer)
  return new Float32Array(Uint32Array.of(...NAN_BITS, ...rest).buffer)
}

function signed(values: readonly number[]): number[] {
  return values.flatMap(value => [value, -value])
}
