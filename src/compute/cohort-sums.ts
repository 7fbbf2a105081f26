import { type CohortSums, plainSums, type Updates } from '../core/cohort-sums.ts'
import { instantiatePack } from './wasm-kernels/pack.ts'
import { WebAssembly } from './wasm-kernels/web-assembly.ts'

let made: CohortSums | null = null

/**
 * `CohortSums` by the kernel pack, on a small memory of its own: the same on every engine, whatever holds the tensors.
 * In plain JavaScript where the pack does not start.
 */
export function cohortSums(): CohortSums {
  made ??= onPack() ?? plainSums
  return made
}

/** Rows and columns that are copied in and worked on at a time: 512 KiB of rows, in the cache of a core. */
const [ROWS, COLUMNS] = [64, 2048]
const PAGE = 65_536

/** Addresses of the regions; none at 0. */
const ORIGIN = 64
const MEAN = ORIGIN + 4 * COLUMNS
const [ONE, OTHER] = [MEAN + 8 * COLUMNS, MEAN + 16 * COLUMNS]
const PER_ROW = MEAN + 24 * COLUMNS
const [FIRST, SECOND, RESULT] = [PER_ROW, PER_ROW + 8 * ROWS, PER_ROW + 16 * ROWS]
const VALUES = PER_ROW + 24 * ROWS
const BYTES = VALUES + 4 * ROWS * COLUMNS

function onPack(): CohortSums | null {
  const pages = Math.ceil(BYTES / PAGE)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  let pack: ReturnType<typeof instantiatePack>
  try {
    pack = instantiatePack(memory)
  } catch {
    return null // The engine's description says why: it needs the same pack.
  }
  const floats = new Float32Array(memory.buffer)
  const doubles = new Float64Array(memory.buffer)

  function load({ rows }: Updates, from: number, start: number, length: number): number {
    const count = Math.min(ROWS, rows.length - from)
    for (let k = 0; k < count; k++) floats.set(rows[from + k]!.subarray(start, start + length), VALUES / 4 + k * length)
    return count
  }

  /** For each piece of the columns `begin` and `end`, and in between for each group of rows `each`. */
  function sweep(updates: Updates, work: Sweep): void {
    const { rows, origin } = updates
    for (let start = 0; start < origin.length; start += COLUMNS) {
      const length = Math.min(COLUMNS, origin.length - start)
      floats.set(origin.subarray(start, start + length), ORIGIN / 4)
      work.begin(start, length)
      for (let from = 0; from < rows.length; from += ROWS) work.each(from, load(updates, from, start, length), length)
      work.end(start, length)
    }
  }

  function fill(address: number, values: Float64Array, from: number, length: number): void {
    doubles.set(values.subarray(from, from + length), address / 8)
  }

  return {
    normsAndMean(updates, shares) {
      const [squared, mean] = [new Float64Array(updates.rows.length), new Float64Array(updates.origin.length)]
      sweep(updates, {
        begin: (_, length) => doubles.fill(0, MEAN / 8, MEAN / 8 + length),
        each(from, count, length) {
          fill(FIRST, shares, from, count)
          fill(RESULT, squared, from, count)
          pack.addNormsAndMean(VALUES, count, length, ORIGIN, FIRST, MEAN, RESULT)
          squared.set(doubles.subarray(RESULT / 8, RESULT / 8 + count), from)
        },
        end: (start, length) => mean.set(doubles.subarray(MEAN / 8, MEAN / 8 + length), start),
      })
      return { squared, mean }
    },
    products(updates, mean, [first, second]) {
      const dots = new Float64Array(updates.rows.length)
      let [one, other] = [0, 0]
      sweep(updates, {
        begin(start, length) {
          fill(MEAN, mean, start, length)
          for (const sums of [ONE, OTHER]) doubles.fill(0, sums / 8, sums / 8 + length)
        },
        each(from, count, length) {
          fill(FIRST, first, from, count)
          fill(SECOND, second, from, count)
          fill(RESULT, dots, from, count)
          pack.addProducts(VALUES, count, length, ORIGIN, MEAN, FIRST, SECOND, RESULT, ONE, OTHER)
          dots.set(doubles.subarray(RESULT / 8, RESULT / 8 + count), from)
        },
        end(_, length) {
          one += pack.squaredSum(ONE, length)
          other += pack.squaredSum(OTHER, length)
        },
      })
      return { dots, squared: [one, other] }
    },
  }
}

interface Sweep {
  begin(start: number, length: number): void
  each(from: number, count: number, length: number): void
  end(start: number, length: number): void
}
