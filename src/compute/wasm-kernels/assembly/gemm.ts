/**
 * Matrix products in the manner of Goto and van de Geijn (2008): B is packed into panels of 8 columns, A into panels of
 * 4 rows where it is stored transposed, and a tile of 4 x 8 sums stays in registers for a whole block of k. 4 x 8 is the
 * largest tile for which V8 spills nothing. Sums run over k in order, so a result depends on nothing but the operands.
 */

/** Steps of k, rows and columns worked on at a time: a packed block of B is 1 MiB, of A 128 KiB. */
const DEPTH: i32 = 256
const ROWS: i32 = 128
const COLUMNS: i32 = 1024

const PACKED_A: usize = <usize>(DEPTH * COLUMNS * 4)
const TILE: usize = PACKED_A + <usize>(DEPTH * ROWS * 4)
/** Bytes that a product needs beside its operands. */
export const GEMM_SCRATCH: usize = TILE + 128

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
  for (let column: i32 = 0; column < n; column += COLUMNS) {
    const columns = min(COLUMNS, n - column)
    for (let step: i32 = 0; step < k; step += DEPTH) {
      const depth = min(DEPTH, k - step)
      const add = accumulate || step > 0
      if (turnedB) packTurned(b + ((<usize>column * k + step) << 2), k, depth, columns, scratch)
      else pack(b + ((<usize>step * n + column) << 2), n, depth, columns, scratch)
      for (let row: i32 = 0; row < m; row += ROWS) {
        const rows = min(ROWS, m - row)
        const target = c + ((<usize>row * n + column) << 2)
        if (turnedA) {
          packRows(a + ((<usize>step * m + row) << 2), m, depth, rows, scratch + PACKED_A)
          block(rows, depth, columns, scratch + PACKED_A, 0, scratch, target, rowBytes, add, scratch + TILE)
        } else {
          const source = a + ((<usize>row * k + step) << 2)
          block(rows, depth, columns, source, <usize>k << 2, scratch, target, rowBytes, add, scratch + TILE)
        }
      }
    }
  }
  if (k == 0 && !accumulate) memory.fill(c, 0, (<usize>m * n) << 2)
}

/** One block of C from packed B. `aRow` is the distance of A's rows in bytes, 0 when A is packed. */
function block(
  rows: i32,
  depth: i32,
  columns: i32,
  a: usize,
  aRow: usize,
  b: usize,
  c: usize,
  cRow: usize,
  add: bool,
  tile: usize,
): void {
  const aPanel = <usize>depth << 4
  const bPanel = <usize>depth << 5
  for (let column: i32 = 0; column < columns; column += 8, b += bPanel) {
    for (let row: i32 = 0; row < rows; row += 4) {
      const target = c + <usize>row * cRow + (<usize>column << 2)
      const whole = rows - row >= 4 && columns - column >= 8
      const out = whole ? target : tile
      const outRow: usize = whole ? cRow : 32
      if (!whole && add) copyTile(target, cRow, tile, 32, min(4, rows - row), min(8, columns - column))
      if (aRow == 0) packedTile(depth, a + <usize>(row >> 2) * aPanel, b, out, outRow, add)
      else {
        // Rows beyond the last one repeat it; their sums go to the tile and no further.
        const a0 = a + <usize>row * aRow
        const a1 = row + 1 < rows ? a0 + aRow : a0
        const a2 = row + 2 < rows ? a1 + aRow : a1
        const a3 = row + 3 < rows ? a2 + aRow : a2
        plainTile(depth, a0, a1, a2, a3, b, out, outRow, add)
      }
      if (!whole) copyTile(tile, 32, target, cRow, min(4, rows - row), min(8, columns - column))
    }
  }
}

/** 4 x 8 sums over packed A: 4 values for each step. */
@inline
function packedTile(depth: i32, a: usize, b: usize, c: usize, cRow: usize, add: bool): void {
  const c1 = c + cRow
  const c2 = c1 + cRow
  const c3 = c2 + cRow
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (const end = a + (<usize>depth << 4); a < end; a += 16, b += 32) {
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
  depth: i32, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, c: usize, cRow: usize, add: bool,
): void {
  const c1 = c + cRow
  const c2 = c1 + cRow
  const c3 = c2 + cRow
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (const end = a0 + (<usize>depth << 2); a0 < end; a0 += 4, a1 += 4, a2 += 4, a3 += 4, b += 32) {
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

/** B[depth, columns] with rows of `stride` floats, to panels of 8 columns, the last one filled up with 0. */
function pack(b: usize, stride: i32, depth: i32, columns: i32, to: usize): void {
  const row = <usize>stride << 2
  for (let column: i32 = 0; column < columns; column += 8, b += 32) {
    let from = b
    if (columns - column >= 8)
      for (let step: i32 = 0; step < depth; step++, from += row, to += 32) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      }
    else
      for (let step: i32 = 0; step < depth; step++, from += row, to += 32) {
        v128.store(to, f32x4.splat(0))
        v128.store(to, f32x4.splat(0), 16)
        for (let i: i32 = 0; i < columns - column; i++)
          f32.store(to + (<usize>i << 2), f32.load(from + (<usize>i << 2)))
      }
  }
}

/** The same for B stored as [columns, depth]: squares of 4 x 4 are turned in registers. */
function packTurned(b: usize, stride: i32, depth: i32, columns: i32, to: usize): void {
  const row = <usize>stride << 2
  for (let column: i32 = 0; column < columns; column += 8, to += <usize>depth << 5) {
    const whole = columns - column >= 8
    if (!whole) memory.fill(to, 0, <usize>depth << 5)
    for (let half: i32 = 0; half < 8; half += 4) {
      const from = b + <usize>(column + half) * row
      const left = columns - column - half
      let step: i32 = 0
      if (left >= 4)
        for (; step + 4 <= depth; step += 4)
          turn4(from + (<usize>step << 2), row, to + (<usize>step << 5) + (<usize>half << 2), 32)
      for (; step < depth; step++)
        for (let i: i32 = 0; i < min(4, left); i++)
          f32.store(
            to + (<usize>step << 5) + (<usize>(half + i) << 2),
            f32.load(from + <usize>i * row + (<usize>step << 2)),
          )
    }
  }
}

/** A stored as [depth, rows] with rows of `stride` floats, to panels of 4 rows, the last one filled up with 0. */
function packRows(a: usize, stride: i32, depth: i32, rows: i32, to: usize): void {
  const line = <usize>stride << 2
  for (let row: i32 = 0; row < rows; row += 4, a += 16) {
    let from = a
    if (rows - row >= 4) for (let step: i32 = 0; step < depth; step++, from += line, to += 16) v128.store(to, v128.load(from))
    else
      for (let step: i32 = 0; step < depth; step++, from += line, to += 16) {
        v128.store(to, f32x4.splat(0))
        for (let i: i32 = 0; i < rows - row; i++)
          f32.store(to + (<usize>i << 2), f32.load(from + (<usize>i << 2)))
      }
  }
}

/** A square of 4 x 4 floats, rows for columns. */
@inline
export function turn4(from: usize, fromRow: usize, to: usize, toRow: usize): void {
  const r0 = v128.load(from)
  const r1 = v128.load(from + fromRow)
  const r2 = v128.load(from + fromRow * 2)
  const r3 = v128.load(from + fromRow * 3)
  const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f32>(t0, t2, 0, 1, 4, 5))
  v128.store(to + toRow, v128.shuffle<f32>(t0, t2, 2, 3, 6, 7))
  v128.store(to + toRow * 2, v128.shuffle<f32>(t1, t3, 0, 1, 4, 5))
  v128.store(to + toRow * 3, v128.shuffle<f32>(t1, t3, 2, 3, 6, 7))
}
