import { cohortSums } from '../compute/cohort-sums.ts'
import { FedError } from '../core/errors.ts'
import { type LayerBlock, type Params, sizeOf, view } from '../core/layout.ts'
import { type Cohort, updatesByBlock } from './cohort.ts'

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

/** The products of each block of `blocks`, by name. Memory is K × the largest block. `aggregate_diverged` when not finite. */
export function productsByBlock(
  cohort: Cohort,
  blocks: readonly LayerBlock[],
  global: Params,
): ReadonlyMap<string, Products> {
  const parts = productsOfParts(cohort, blocks, global, ({ size }) => [size])
  return new Map([...parts].map(([name, [whole]]) => [name, whole!]))
}

/** The products of each tensor of each block, by the block's name, in the order of its tensors; else as `productsByBlock`. */
export function productsByTensor(
  cohort: Cohort,
  blocks: readonly LayerBlock[],
  global: Params,
): ReadonlyMap<string, readonly Products[]> {
  return productsOfParts(cohort, blocks, global, ({ tensors }) => tensors.map(({ shape }) => sizeOf(shape)))
}

/** Blocks are compared in adjacent parts of the sizes that `sizesIn` gives. */
function productsOfParts(
  cohort: Cohort,
  blocks: readonly LayerBlock[],
  global: Params,
  sizesIn: (block: LayerBlock) => readonly number[],
): ReadonlyMap<string, readonly Products[]> {
  const count = cohort.clients.length
  return new Map(
    Array.from(updatesByBlock(cohort, blocks), ([block, updates]) => {
      let end = 0
      const products = sizesIn(block).map(size => {
        const start = end
        end += size
        const vectors = [...updates, view(global, block)].map(values => values.subarray(start, end))
        return productsIn(cohortSums().innerProducts(vectors), count)
      })
      for (const part of products) requireFinite(part, block, cohort)
      return [block.name, products]
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

/** A value that is not finite makes its square so; the sum of the squares of finite float32 is far from float64's end. */
function requireFinite({ of, global }: Products, { name }: LayerBlock, { clients }: Cohort): void {
  const row = clients.findIndex((_, i) => !Number.isFinite(of(i, i)))
  if (row < 0 && Number.isFinite(global)) return
  throw new FedError('aggregate_diverged', {
    expected: 'updates that can be compared',
    received: `values beyond float32 in layer ${name} of ${row < 0 ? 'the global model' : `client ${clients[row]}`}`,
    hint: 'Lower the local learning rate',
  })
}
