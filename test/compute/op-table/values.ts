/** Float32 values of every kind: zeros, below the least normal, tiny, around 1 and its halves, large, infinite, none. */
export const SPECIAL: readonly number[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1],
  ...signed([2 ** -149, 1e-40, 2 ** -126, 1.2e-38, 1e-30, 1e-20, 1e-10, 1e-8, 5e-8, 9e-8, 1e-7, 1.1e-7, 1e-6, 1e-5]),
  ...signed([1e-4, 1e-3, 0.01, 0.1, 0.25, 0.5, 0.75, 0.999, 1.001, 1.5, 2, 2.5, 3, 3.5, 5, 5.99, 6, 7, 8.9, 9.1]),
  ...signed([10, 14.5, 16, 17, 20, 30, 50, 80, 86, 100, 1000, 1e5, 2 ** 24, 2 ** 24 + 2, 2 ** 31, 1e10]),
  ...signed([1e20, 1e30, 1e38, 3.4e38]),
].map(Math.fround)

/** Fewer, for every pair of them. */
export const PAIRED: readonly number[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0],
  ...signed([1e-40, 1e-20, 1e-8, 0.1, 1, 2.5, 3, 1e5, 1e20, 3e38]),
].map(Math.fround)

/** So many that webgpu computes them on its device, and that each kind comes to every lane of a vector and into its tail. */
export const LEAST = 1009

/** The values over and over, `LEAST` of them or a little more, an odd number. */
export function repeated(values: readonly number[]): Float32Array {
  const rounds = Math.ceil(LEAST / values.length)
  const length = rounds * values.length
  return Float32Array.from({ length: length % 2 ? length : length - 1 }, (_, i) => values[i % values.length]!)
}

export function pairs(values: readonly number[]): readonly [Float32Array, Float32Array] {
  const all = values.flatMap(x => values.map(y => [x, y] as const))
  return [repeated(all.map(([x]) => x)), repeated(all.map(([, y]) => y))]
}

function signed(values: readonly number[]): number[] {
  return values.flatMap(value => [value, -value])
}
