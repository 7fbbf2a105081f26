/** B[depth, columns] with rows of `stride` floats, to panels of 8 columns, the last one filled up with 0. */
export function pack(b: usize, stride: i32, depth: i32, columns: i32, to: usize): void {
  const row = <usize>stride << 2
  for (let column: i32 = 0; column < columns; column += 8, b += 32) {
    let from = b
    if (columns - column >= 8)
      for (let step: i32 = 0; step < depth; step++, from += row, to += 32) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      }
    else to = packLast(from, row, depth, columns - column, to)
  }
}

/** The last panel, of fewer than 8 columns: whole vectors, of which what lies beyond is masked, as long as there is something. */
function packLast(from: usize, row: usize, depth: i32, columns: i32, to: usize): usize {
  const indices = i32x4(0, 1, 2, 3)
  const low = i32x4.lt_s(indices, i32x4.splat(columns))
  const high = i32x4.lt_s(indices, i32x4.splat(columns - 4))
  const end = from + <usize>(depth - 1) * row + (<usize>columns << 2)
  const stop = to + (<usize>depth << 5)
  for (; from + 32 <= end; from += row, to += 32) {
    v128.store(to, v128.and(v128.load(from), low))
    v128.store(to, v128.and(v128.load(from, 16), high), 16)
  }
  for (; to < stop; from += row, to += 32) {
    v128.store(to, f32x4.splat(0))
    v128.store(to, f32x4.splat(0), 16)
    for (let i: i32 = 0; i < columns; i++) f32.store(to + (<usize>i << 2), f32.load(from + (<usize>i << 2)))
  }
  return to
}

/** The same for B stored as [columns, depth]: squares of 4 x 4 are turned in registers. */
export function packTurned(b: usize, stride: i32, depth: i32, columns: i32, to: usize): void {
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
export function packRows(a: usize, stride: i32, depth: i32, rows: i32, to: usize): void {
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
function turn4(from: usize, fromRow: usize, to: usize, toRow: usize): void {
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
