/** The updates u_k = rows[k] − origin of a cohort in one part of a model; all arrays of one length. */
export interface Updates {
  readonly rows: readonly Float32Array[]
  readonly origin: Float32Array
}

/** Sums that go through every parameter of every client, in float64, over rows and columns in a fixed order. */
export interface CohortSums {
  /** |u_k|² for each row, and the mean update Σ_k shares[k] u_k. */
  normsAndMean(updates: Updates, shares: Float64Array): { readonly squared: Float64Array; readonly mean: Float64Array }
  /** u_k · mean for each row; and |Σ_k scales[k] u_k|² for one set of scales and for another. */
  products(updates: Updates, mean: Float64Array, scales: readonly [Float64Array, Float64Array]): Products
  /** v_j · v_k of vectors of one length at j · K + k, for j ≤ k; what is below the diagonal means nothing. */
  innerProducts(vectors: readonly Float32Array[]): Float64Array
}

export interface Products {
  readonly dots: Float64Array
  readonly squared: readonly [number, number]
}

/** Entries that are worked on at a time, so that the sums over the cohort stay in the processor's nearest cache. */
const TILE = 2048

/** In plain JavaScript, for any machine; the kernel pack has the same for wasm. */
export const plainSums: CohortSums = {
  normsAndMean({ rows, origin }, shares) {
    const [squared, mean] = [new Float64Array(rows.length), new Float64Array(origin.length)]
    forEachTile(origin.length, (start, end) => {
      for (const [k, row] of rows.entries())
        squared[k] = squared[k]! + addShare(mean, row, origin, shares[k]!, start, end)
    })
    return { squared, mean }
  },
  products({ rows, origin }, mean, [first, second]) {
    const dots = new Float64Array(rows.length)
    const [one, other] = [new Float64Array(TILE), new Float64Array(TILE)]
    let [squaredOne, squaredOther] = [0, 0]
    forEachTile(origin.length, (start, end) => {
      one.fill(0)
      other.fill(0)
      for (const [k, row] of rows.entries()) {
        const scales = [first[k]!, second[k]!] as const
        dots[k] = dots[k]! + addScaled(one, other, row, origin, mean, scales, start, end)
      }
      squaredOne += squaredSum(one)
      squaredOther += squaredSum(other)
    })
    return { dots, squared: [squaredOne, squaredOther] }
  },
  innerProducts,
}

function forEachTile(length: number, work: (start: number, end: number) => void): void {
  for (let start = 0; start < length; start += TILE) work(start, Math.min(length, start + TILE))
}

// The two loops are on their own, with all they touch as arguments: inside a closure each access costs another load, and
// they take twice as long.

/** Adds share · u to `mean`, and returns |u|² over the tile. */
function addShare(
  mean: Float64Array,
  row: Float32Array,
  origin: Float32Array,
  share: number,
  start: number,
  end: number,
): number {
  let sum = 0
  for (let i = start; i < end; i++) {
    const update = row[i]! - origin[i]!
    sum += update * update
    mean[i] = mean[i]! + share * update
  }
  return sum
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
    dot += update * mean[i]!
    one[j] = one[j]! + scaleOne * update
    other[j] = other[j]! + scaleOther * update
  }
  return dot
}

function squaredSum(values: Float64Array): number {
  let sum = 0
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
