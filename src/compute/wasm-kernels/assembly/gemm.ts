/**
 * Matrix products in the manner of Goto and van de Geijn (2008): B is packed into panels of 8 columns, A into panels of
 * 4 rows where it is stored transposed, and a tile of 4 x 8 sums stays in registers for a whole block of k. 4 x 8 is the
 * largest tile for which V8 spills nothing. Sums run over k in order, so a result depends on nothing but the operands.
 */
import { pack, packRows, packTurned } from './packing'
import { allFinite, list, listed, listTurned, mostlyZero, WIDE } from './sparse'

/** Steps of k, rows and columns worked on at a time: a packed block of B is 1 MiB, of A 128 KiB. */
const DEPTH: i32 = 256
const ROWS: i32 = 128
const COLUMNS: i32 = 1024
/** So few rows of A that packing B costs more than it gains: they use each value of it too seldom. */
const FEW_ROWS: i32 = 64

const PACKED_A: usize = <usize>(DEPTH * COLUMNS * 4)
const TILE: usize = PACKED_A + <usize>(DEPTH * ROWS * 4)
const LENGTHS: usize = TILE + 128
const LISTS: usize = LENGTHS + <usize>(ROWS * 4)
export const GEMM_SCRATCH: usize = LISTS + <usize>(DEPTH * ROWS * 8)
/** Bytes that a product needs beside its operands. */
export function productScratch(): usize {
  return GEMM_SCRATCH
}

/** Of 256 values of A: with fewer that are not zero, leaving out the zeros gains more than finding them costs. */
const FEW_VALUES: i32 = 90

/**
 * C[m, n] = A B, or C + A B with `accumulate`; A is [m, k], or [k, m] when `turnedA`, B [k, n] or [n, k]; all dense,
 * row by row. C must not overlap an operand.
 */
export function product(
  m: i32,
  k: i32,
  n: i32,
  a: usize,
  turnedA: bool,
  b: usize,
  turnedB: bool,
  c: usize,
  accumulate: bool,
  scratch: usize,
): void {
  const rowBytes = <usize>n << 2
  const direct = !turnedB && m <= FEW_ROWS
  for (let column: i32 = 0; column < n; column += COLUMNS) {
    const columns = min(COLUMNS, n - column)
    const asIs = direct ? columns & ~7 : 0
    for (let step: i32 = 0; step < k; step += DEPTH) {
      const depth = min(DEPTH, k - step)
      const add = accumulate || step > 0
      const source = b + ((<usize>step * n + column) << 2)
      if (turnedB) packTurned(b + ((<usize>column * k + step) << 2), k, depth, columns, scratch)
      else pack(source + (<usize>asIs << 2), n, depth, columns - asIs, scratch)
      const wide = turnedB ? 0 : columns & -WIDE
      let finite: i32 = -1 // not known yet
      for (let row: i32 = 0; row < m; row += ROWS) {
        const rows = min(ROWS, m - row)
        const target = c + ((<usize>row * n + column) << 2)
        let left = turnedA ? a + ((<usize>step * m + row) << 2) : a + ((<usize>row * k + step) << 2)
        let done: i32 = 0
        const stride = <usize>(turnedA ? m : k) << 2
        if (wide > 0 && mostlyZero(left, stride, turnedA ? depth : rows, turnedA ? rows : depth, FEW_VALUES)) {
          if (finite < 0) finite = i32(allFinite(source, rowBytes, depth, wide))
          if (finite) {
            done = wide
            const right = asIs > 0 ? source : scratch
            const rightRow = asIs > 0 ? rowBytes : 32
            if (turnedA) listTurned(left, stride, rows, depth, rightRow, scratch + LISTS, scratch + LENGTHS)
            else list(left, stride, rows, depth, rightRow, scratch + LISTS, scratch + LENGTHS)
            listed(rows, depth, wide, scratch + LISTS, scratch + LENGTHS, right, asIs > 0 ? 32 : <usize>depth << 5, target, rowBytes, add)
            if (done == columns) continue
          }
        }
        let leftRow = stride
        if (turnedA) {
          packRows(left, m, depth, rows, scratch + PACKED_A)
          left = scratch + PACKED_A
          leftRow = 0
        }
        const packed = max(asIs, done)
        block(rows, depth, asIs - done, left, leftRow, source + (<usize>done << 2), rowBytes, 32, target + (<usize>done << 2), rowBytes, add, scratch + TILE)
        block(rows, depth, columns - packed, left, leftRow, scratch + <usize>(packed - asIs) * <usize>depth * 4, 32, <usize>depth << 5, target + (<usize>packed << 2), rowBytes, add, scratch + TILE)
      }
    }
  }
  if (k == 0 && !accumulate) memory.fill(c, 0, (<usize>m * n) << 2)
}

/**
 * One block of C. `aRow` is the distance of A's rows in bytes, 0 when A is packed; `bRow` that of B's, and `bPanel` that
 * of its panels of 8 columns.
 */
function block(
  rows: i32,
  depth: i32,
  columns: i32,
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  bPanel: usize,
  c: usize,
  cRow: usize,
  add: bool,
  tile: usize,
): void {
  const aPanel = <usize>depth << 4
  for (let column: i32 = 0; column < columns; column += 8, b += bPanel) {
    for (let row: i32 = 0; row < rows; row += 4) {
      const target = c + <usize>row * cRow + (<usize>column << 2)
      const whole = rows - row >= 4 && columns - column >= 8
      const out = whole ? target : tile
      const outRow: usize = whole ? cRow : 32
      if (!whole && add) copyTile(target, cRow, tile, 32, min(4, rows - row), min(8, columns - column))
      if (aRow == 0) packedTile(depth, a + <usize>(row >> 2) * aPanel, b, bRow, out, outRow, add)
      else {
        // Rows beyond the last one repeat it; their sums go to the tile and no further.
        const a0 = a + <usize>row * aRow
        const a1 = row + 1 < rows ? a0 + aRow : a0
        const a2 = row + 2 < rows ? a1 + aRow : a1
        const a3 = row + 3 < rows ? a2 + aRow : a2
        plainTile(depth, a0, a1, a2, a3, b, bRow, out, outRow, add)
      }
      if (!whole) copyTile(tile, 32, target, cRow, min(4, rows - row), min(8, columns - column))
    }
  }
}

/** 4 x 8 sums over packed A: 4 values for each step. */
@inline
function packedTile(depth: i32, a: usize, b: usize, bRow: usize, c: usize, cRow: usize, add: bool): void {
  const c1 = c + cRow
  const c2 = c1 + cRow
  const c3 = c2 + cRow
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (const end = a + (<usize>depth << 4); a < end; a += 16, b += bRow) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const x0 = v128.load_splat<f32>(a)
    s00 = f32x4.add(s00, f32x4.mul(x0, b0))
    s01 = f32x4.add(s01, f32x4.mul(x0, b1))
    const x1 = v128.load_splat<f32>(a, 4)
    s10 = f32x4.add(s10, f32x4.mul(x1, b0))
    s11 = f32x4.add(s11, f32x4.mul(x1, b1))
    const x2 = v128.load_splat<f32>(a, 8)
    s20 = f32x4.add(s20, f32x4.mul(x2, b0))
    s21 = f32x4.add(s21, f32x4.mul(x2, b1))
    const x3 = v128.load_splat<f32>(a, 12)
    s30 = f32x4.add(s30, f32x4.mul(x3, b0))
    s31 = f32x4.add(s31, f32x4.mul(x3, b1))
  }
  put(c, s00, s01, add)
  put(c1, s10, s11, add)
  put(c2, s20, s21, add)
  put(c3, s30, s31, add)
}

/** 4 x 8 sums over four rows of A as they are. */
@inline
function plainTile(
  depth: i32, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, bRow: usize, c: usize, cRow: usize, add: bool,
): void {
  const c1 = c + cRow
  const c2 = c1 + cRow
  const c3 = c2 + cRow
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (const end = a0 + (<usize>depth << 2); a0 < end; a0 += 4, a1 += 4, a2 += 4, a3 += 4, b += bRow) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const x0 = v128.load_splat<f32>(a0)
    s00 = f32x4.add(s00, f32x4.mul(x0, b0))
    s01 = f32x4.add(s01, f32x4.mul(x0, b1))
    const x1 = v128.load_splat<f32>(a1)
    s10 = f32x4.add(s10, f32x4.mul(x1, b0))
    s11 = f32x4.add(s11, f32x4.mul(x1, b1))
    const x2 = v128.load_splat<f32>(a2)
    s20 = f32x4.add(s20, f32x4.mul(x2, b0))
    s21 = f32x4.add(s21, f32x4.mul(x2, b1))
    const x3 = v128.load_splat<f32>(a3)
    s30 = f32x4.add(s30, f32x4.mul(x3, b0))
    s31 = f32x4.add(s31, f32x4.mul(x3, b1))
  }
  put(c, s00, s01, add)
  put(c1, s10, s11, add)
  put(c2, s20, s21, add)
  put(c3, s30, s31, add)
}

@inline
function put(c: usize, low: v128, high: v128, add: bool): void {
  if (add) {
    v128.store(c, f32x4.add(v128.load(c), low))
    v128.store(c, f32x4.add(v128.load(c, 16), high), 16)
  } else {
    v128.store(c, low)
    v128.store(c, high, 16)
  }
}

/** Copies `rows` x `columns` floats, at most 4 x 8. */
function copyTile(from: usize, fromRow: usize, to: usize, toRow: usize, rows: i32, columns: i32): void {
  for (let row: i32 = 0; row < rows; row++, from += fromRow, to += toRow) {
    let left = columns
    let source = from
    let target = to
    for (; left >= 4; left -= 4, source += 16, target += 16) v128.store(target, v128.load(source))
    if (left >= 2) {
      i64.store(target, i64.load(source))
      left -= 2
      source += 8
      target += 8
    }
    if (left > 0) i32.store(target, i32.load(source))
  }
}
