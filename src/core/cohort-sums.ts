/** The updates u_k = rows[k] − origin of a cohort in one part of a model; all arrays of one length. */
export interface Updates {
  readonly rows: readonly Float32Array[]
  readonly origin: Float32Array
}

/** Sums that go through every parameter of every client, in float64, over rows and columns in a fixed order. */
export interface CohortSums {
  /** With the mean update Σ_k shares[k] u_k. Holds on to the updates, to go through them once more. */
  norms(updates: Updates, shares: Float64Array): Norms
  /** v_j · v_k of vectors of one length at j · K + k, for j ≤ k; what is below the diagonal means nothing. */
  innerProducts(vectors: readonly Float32Array[]): Float64Array
}

export interface Norms {
  /** |u_k|² for each row. */
  readonly squared: Float64Array
  /**
   * Products with the mean, and |Σ_k scales[k] u_k|² for one set of scales and for another. The mean is not kept for it
   * where a few sums more make it anew piece by piece: in float64 it would be twice a model.
   */
  products(scales: readonly [Float64Array, Float64Array]): Products
}

export interface Products {
  /** u_k · mean for each row. */
  readonly dots: Float64Array
  readonly squared: readonly [number, number]
  /** |mean|². */
  readonly meanSquared: number
}

/** Entries that are worked on at a time, so that the sums over the cohort stay in the processor's nearest cache. */
const TILE = 2048

/** In plain JavaScript, for any machine; the kernel pack has the same for wasm. */
export const plainSums: CohortSums = {
  norms({ rows, origin }, shares) {
    const squared = new Float64Array(rows.length)
    forEachTile(origin.length, (start, end) => {
      for (const [k, row] of rows.entries()) squared[k] = squared[k]! + squaredUpdate(row, origin, start, end)
    })
    return {
      squared,
      products([first, second]) {
        const dots = new Float64Array(rows.length)
        const [mean, one, other] = [new Float64Array(TILE), new Float64Array(TILE), new Float64Array(TILE)]
        let [squaredOne, squaredOther, meanSquared] = [0, 0, 0]
        forEachTile(origin.length, (start, end) => {
          for (const sums of [mean, one, other]) sums.fill(0)
          for (const [k, row] of rows.entries()) addShare(mean, row, origin, shares[k]!, start, end)
          for (const [k, row] of rows.entries()) {
            const scales = [first[k]!, second[k]!] as const
            dots[k] = dots[k]! + addScaled(one, other, row, origin, mean, scales, start, end)
          }
          squaredOne += squaredSum(one)
          squaredOther += squaredSum(other)
          meanSquared = squaredSum(mean, meanSquared)
        })
        return { dots, squared: [squaredOne, squaredOther], meanSquared }
      },
    }
  },
  innerProducts,
}

function forEachTile(length: number, work: (start: number, end: number) => void): void {
  for (let start = 0; start < length; start += TILE) work(start, Math.min(length, start + TILE))
}

// The loops are on their own, with all they touch as arguments: inside a closure each access costs another load, and
// they take twice as long.

/** |u|² over the tile. */
function squaredUpdate(row: Float32Array, origin: Float32Array, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i++) {
    const update = row[i]! - origin[i]!
    sum += update * update
  }
  return sum
}

/**
 * |v|². The square of any finite float32 fits float64, and so do sums of as many as memory holds. Four sums, which need not wait for each
 * other: with one it took twice as long.
 */
export function squaredLength(values: Float32Array): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 4 <= values.length; i += 4) {
    a += values[i]! * values[i]!
    b += values[i + 1]! * values[i + 1]!
    c += values[i + 2]! * values[i + 2]!
    d += values[i + 3]! * values[i + 3]!
  }
  for (; i < values.length; i++) a += values[i]! * values[i]!
  return a + b + (c + d)
}

/** Adds share · u over the tile to `mean`. */
function addShare(
  mean: Float64Array,
  row: Float32Array,
  origin: Float32Array,
  share: number,
  start: number,
  end: number,
): void {
  for (let i = start, j = 0; i < end; i++, j++) mean[j] = mean[j]! + share * (row[i]! - origin[i]!)
}

/** Adds u, scaled once and again, to the two sums; returns u · mean. */
function addScaled(
  one: Float64Array,
  other: Float64Array,
  row: Float32Array,
  origin: Float32Array,
  mean: Float64Array,
  [scaleOne, scaleOther]: readonly [number, number],
  start: number,
  end: number,
): number {
  let dot = 0
  for (let i = start, j = 0; i < end; i++, j++) {
    const update = row[i]! - origin[i]!
    dot += update * mean[j]!
    one[j] = one[j]! + scaleOne * update
    other[j] = other[j]! + scaleOther * update
  }
  return dot
}

/** `first` and the squares of all values, added one after another. */
export function squaredSum(values: Float64Array, first = 0): number {
  let sum = first
  for (const value of values) sum += value * value
  return sum
}

/** Columns at a time, so that a cohort of some tens of clients stays in the cache while every pair passes by. */
const PAIR_TILE = 512

function innerProducts(vectors: readonly Float32Array[]): Float64Array {
  const side = vectors.length
  const size = vectors[0]?.length ?? 0
  const sums = new Float64Array(side * side)
  // Converted to float64 once a tile, not once a pair.
  const tiles = vectors.map(() => new Float64Array(PAIR_TILE))
  for (let start = 0; start < size; start += PAIR_TILE) {
    const length = Math.min(PAIR_TILE, size - start)
    for (const [i, tile] of tiles.entries()) tile.set(vectors[i]!.subarray(start, start + length))
    for (let i = 0; i < side; i++)
      for (let j = i; j < side; j++) sums[i * side + j]! += dot(tiles[i]!, tiles[j]!, length)
  }
  return sums
}

function dot(a: Float64Array, b: Float64Array, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += a[i]! * b[i]!
  return sum
}
