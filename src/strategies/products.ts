import { FedError } from '../core/errors.ts'
import { type LayerBlock, type Params, view } from '../core/layout.ts'
import type { Cohort } from './cohort.ts'

/**
 * Inner products of the updates Δ_0 … Δ_{K−1} of a cohort, and with the global model g. Norms, distances, angles and every
 * linear combination's norm follow from them, so that a method that compares clients never touches vectors again.
 */
export interface Products {
  /** K. */
  readonly count: number
  /** ⟨Δ_i, Δ_j⟩. */
  of(i: number, j: number): number
  /** ⟨Δ_i, g⟩. */
  withGlobal(i: number): number
  /** ⟨g, g⟩. */
  readonly global: number
}

/** Columns at a time, so that a cohort of some tens of clients stays in the cache while every pair passes by. */
const TILE = 512

/** The products of each block of `blocks`, by name. Memory is K × the largest block. `aggregate_diverged` when not finite. */
export function productsByBlock(
  cohort: Cohort,
  blocks: readonly LayerBlock[],
  global: Params,
): ReadonlyMap<string, Products> {
  const count = cohort.clients.length
  const largest = blocks.reduce((most, { size }) => Math.max(most, size), 0)
  const scratch = new Float32Array(count * largest)
  return new Map(
    blocks.map(block => {
      const rows = scratch.subarray(0, count * block.size)
      cohort.fill(block, rows)
      const sums = productsOf(rows, view(global, block), count)
      if (!sums.every(Number.isFinite)) throw notFinite(block)
      return [block.name, productsIn(sums, count)]
    }),
  )
}

/** The products of vectors that are made up of the parts of `parts`: their sums. */
export function summed(parts: readonly Products[]): Products {
  const add = (read: (part: Products) => number) => parts.reduce((sum, part) => sum + read(part), 0)
  const count = parts[0]?.count ?? 0
  const all = Array.from({ length: count }, (_, i) => Array.from({ length: count }, (_, j) => add(p => p.of(i, j))))
  const against = Array.from({ length: count }, (_, i) => add(part => part.withGlobal(i)))
  return { count, of: (i, j) => all[i]![j]!, withGlobal: i => against[i]!, global: add(part => part.global) }
}

/** The products of some of the updates. */
export function ofRows(products: Products, rows: readonly number[]): Products {
  return {
    count: rows.length,
    of: (i, j) => products.of(rows[i]!, rows[j]!),
    withGlobal: i => products.withGlobal(rows[i]!),
    global: products.global,
  }
}

/** ‖Δ_i − Δ_j‖². Never below 0, where rounding could take it. */
export function squaredDistance(products: Products, i: number, j: number): number {
  return Math.max(0, products.of(i, i) + products.of(j, j) - 2 * products.of(i, j))
}

/** ⟨a, b⟩ / (‖a‖ ‖b‖) from products and squared norms; `otherwise` when one of them is 0. */
export function cosine(product: number, squaredA: number, squaredB: number, otherwise: number): number {
  const norms = Math.sqrt(squaredA) * Math.sqrt(squaredB)
  return norms > 0 ? Math.min(1, Math.max(-1, product / norms)) : otherwise
}

function productsIn(sums: Float64Array, count: number): Products {
  const side = count + 1
  return {
    count,
    of: (i, j) => sums[Math.min(i, j) * side + Math.max(i, j)]!,
    withGlobal: i => sums[i * side + count]!,
    global: sums[count * side + count]!,
  }
}

/** The upper triangle of the products of `count` rows and `global`, which counts as the last row. Summed in float64. */
function productsOf(rows: Float32Array, global: Float32Array, count: number): Float64Array {
  const size = global.length
  const side = count + 1
  const sums = new Float64Array(side * side)
  // Converted to float64 once a tile, not once a pair.
  const tiles = Array.from({ length: side }, () => new Float64Array(TILE))
  for (let start = 0; start < size; start += TILE) {
    const length = Math.min(TILE, size - start)
    for (const [i, tile] of tiles.entries()) {
      const [source, first] = i < count ? [rows, i * size + start] : [global, start]
      tile.set(source.subarray(first, first + length))
    }
    for (let i = 0; i < side; i++) {
      let j = i
      for (; j + 3 < side; j += 4) addFour(sums, i * side + j, tiles[i]!, tiles, j, length)
      for (; j < side; j++) sums[i * side + j]! += dot(tiles[i]!, tiles[j]!, length)
    }
  }
  return sums
}

/** One row against four: five loads for four products, and four sums that need not wait for each other. */
function addFour(
  sums: Float64Array,
  at: number,
  row: Float64Array,
  tiles: readonly Float64Array[],
  first: number,
  length: number,
): void {
  const [a, b, c, d] = [tiles[first]!, tiles[first + 1]!, tiles[first + 2]!, tiles[first + 3]!]
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let i = 0; i < length; i++) {
    const value = row[i]!
    s0 += value * a[i]!
    s1 += value * b[i]!
    s2 += value * c[i]!
    s3 += value * d[i]!
  }
  sums[at]! += s0
  sums[at + 1]! += s1
  sums[at + 2]! += s2
  sums[at + 3]! += s3
}

function dot(a: Float64Array, b: Float64Array, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += a[i]! * b[i]!
  return sum
}

function notFinite({ name }: LayerBlock): FedError {
  return new FedError('aggregate_diverged', {
    expected: 'updates that can be compared',
    received: `values that are not finite in layer ${name}`,
    hint: 'Lower the local learning rate',
  })
}
