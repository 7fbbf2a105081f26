import { type CohortSums, plainSums, squaredSum, type Updates } from '../core/cohort-sums.ts'
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

/** For inner products the rows are two groups of so many, and the products of their pairs lie where a sum would. */
const GROUP = ROWS / 2
const SECOND_GROUP = VALUES + 4 * GROUP * COLUMNS
const PAIRS = ONE
const NO_VALUES = new Float32Array(0)
const even = (length: number) => length + (length % 2)

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

  /** Rows of one group at a fixed distance, padded with zeros to whole fours of rows and pairs of columns; how many that makes. */
  function loadGroup(vectors: readonly Float32Array[], from: number, start: number, address: number): number {
    const count = Math.min(GROUP, vectors.length - from)
    const rows = Math.ceil(count / 4) * 4
    for (let k = 0; k < rows; k++) {
      const at = address / 4 + k * COLUMNS
      const piece = k < count ? vectors[from + k]!.subarray(start, start + COLUMNS) : NO_VALUES
      floats.set(piece, at)
      floats.fill(0, at + piece.length, at + COLUMNS)
    }
    return rows
  }

  function addPairs(sums: Float64Array, side: number, first: number, second: number): void {
    const [rows, columns] = [Math.min(GROUP, side - first), Math.min(GROUP, side - second)]
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) sums[(first + i) * side + second + j]! += doubles[PAIRS / 8 + i * GROUP + j]!
  }

  return {
    norms(updates, shares) {
      const { rows, origin } = updates
      const squared = new Float64Array(rows.length)
      // Rows that are all in place at a time give their mean once more, for next to nothing; others would have to be copied again.
      const kept = rows.length > ROWS ? new Float64Array(origin.length) : null
      function addMean(from: number, count: number, length: number): void {
        fill(FIRST, shares, from, count)
        pack.addMean(VALUES, count, length, ORIGIN, FIRST, MEAN)
      }
      sweep(updates, {
        begin: (_, length) => doubles.fill(0, MEAN / 8, MEAN / 8 + length),
        each(from, count, length) {
          if (kept) addMean(from, count, length)
          fill(RESULT, squared, from, count)
          pack.addNorms(VALUES, count, length, ORIGIN, RESULT)
          squared.set(doubles.subarray(RESULT / 8, RESULT / 8 + count), from)
        },
        end: (start, length) => kept?.set(doubles.subarray(MEAN / 8, MEAN / 8 + length), start),
      })
      return {
        squared,
        products([first, second]) {
          const dots = new Float64Array(rows.length)
          let [one, other, meanSquared] = [0, 0, 0]
          sweep(updates, {
            begin(start, length) {
              for (const sums of [MEAN, ONE, OTHER]) doubles.fill(0, sums / 8, sums / 8 + length)
              if (kept) fill(MEAN, kept, start, length)
            },
            each(from, count, length) {
              if (!kept) addMean(from, count, length)
              fill(FIRST, first, from, count)
              fill(SECOND, second, from, count)
              fill(RESULT, dots, from, count)
              pack.addProducts(VALUES, count, length, ORIGIN, MEAN, FIRST, SECOND, RESULT, ONE, OTHER)
              dots.set(doubles.subarray(RESULT / 8, RESULT / 8 + count), from)
            },
            end(_, length) {
              one += pack.squaredSum(ONE, length)
              other += pack.squaredSum(OTHER, length)
              meanSquared = squaredSum(doubles.subarray(MEAN / 8, MEAN / 8 + length), meanSquared)
            },
          })
          return { dots, squared: [one, other], meanSquared }
        },
      }
    },
    innerProducts(vectors) {
      const side = vectors.length
      const sums = new Float64Array(side * side)
      for (let start = 0; start < (vectors[0]?.length ?? 0); start += COLUMNS)
        for (let i = 0; i < side; i += GROUP) {
          const rowsA = loadGroup(vectors, i, start, VALUES)
          for (let j = i; j < side; j += GROUP) {
            const rowsB = j === i ? rowsA : loadGroup(vectors, j, start, SECOND_GROUP)
            const length = even(Math.min(COLUMNS, vectors[0]!.length - start))
            const [a, b] = [VALUES, j === i ? VALUES : SECOND_GROUP]
            doubles.fill(0, PAIRS / 8, PAIRS / 8 + GROUP * GROUP)
            pack.addInnerProducts(a, rowsA, b, rowsB, length, COLUMNS, j === i, PAIRS)
            addPairs(sums, side, i, j)
          }
        }
      return sums
    },
  }
}

interface Sweep {
  begin(start: number, length: number): void
  each(from: number, count: number, length: number): void
  end(start: number, length: number): void
}
