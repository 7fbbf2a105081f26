import type { ColumnProgram } from './column-program.ts'

/** Above it, a column does not fit into the registers of a thread. */
export const MOST_ROWS = 64
/** Up to it, four columns fit. */
const MOST_ROWS_OF_VECTORS = 16

/**
 * The mean of a column without its `cut` smallest and `cut` largest values. The column is sorted in registers by a network
 * of comparisons that is written out in the program; null for more rows than that is good for. Values have to be finite:
 * WGSL leaves open how min and max treat NaN.
 */
export function centralMeanProgram(rows: number, cut: number): ColumnProgram | null {
  if (rows > MOST_ROWS) return null
  const load = Array.from({ length: rows }, (_, row) => `var v${row} = at(${row});`)
  const sort = sortingNetwork(rows).map(([a, b]) => `low = min(v${a}, v${b}); v${b} = max(v${a}, v${b}); v${a} = low;`)
  const kept = Array.from({ length: rows - 2 * cut }, (_, i) => `v${cut + i}`)
  return {
    key: `central mean of ${rows} without ${cut}`,
    width: rows <= MOST_ROWS_OF_VECTORS ? 4 : 1,
    tables: {},
    code: `
      ${load.join('\n')}
      var low : T;
      ${sort.join('\n')}
      let value = ${kept.length === 1 ? kept[0] : `(${kept.join(' + ')}) / T(${kept.length})`};
    `,
  }
}

/** Batcher's merge exchange for any number of values: Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M. */
export function sortingNetwork(count: number): [number, number][] {
  const comparisons: [number, number][] = []
  if (count < 2) return comparisons
  const top = 2 ** (Math.ceil(Math.log2(count)) - 1)
  for (let p = top; p > 0; p >>= 1)
    for (let q = top, r = 0, d = p; ; d = q - p, q >>= 1, r = p) {
      for (let i = 0; i < count - d; i++) if ((i & p) === r) comparisons.push([i, i + d])
      if (q === p) break
    }
  return comparisons
}
