/**
 * Products whose left operand is mostly zeros, as pictures of digits are (81 % of MNIST) and what a rectifier leaves: what
 * would be multiplied by zero is left out. Sums run over the same k in the same order, and a sum that began with +0 is not
 * changed by a zero more, so the bits are those of the product with every zero in it.
 */

/** Columns at a time: a panel of 256 x 16 values of B stays in the processor's first cache, one of 32 columns does not. */
export const WIDE: i32 = 16

/** Whether of `lines` x `length` floats, `stride` bytes from line to line, less than `share` of 256 are other than zero. */
export function mostlyZero(a: usize, stride: usize, lines: i32, length: i32, share: i32): bool {
  let zeros = i32x4.splat(0)
  let rest: i32 = 0
  for (let line: i32 = 0; line < lines; line++, a += stride) {
    const end = a + (<usize>length << 2)
    let at = a
    for (const last = a + (<usize>(length & ~3) << 2); at < last; at += 16)
      zeros = i32x4.sub(zeros, f32x4.eq(v128.load(at), f32x4.splat(0)))
    for (; at < end; at += 4) rest += i32(f32.load(at) == 0)
  }
  const zero =
    rest + i32x4.extract_lane(zeros, 0) + i32x4.extract_lane(zeros, 1) + i32x4.extract_lane(zeros, 2) + i32x4.extract_lane(zeros, 3)
  const values = lines * length
  return <i64>(values - zero) << 8 < <i64>values * share
}

/** Whether `lines` x `length` floats, `length` a multiple of 16, hold neither an infinity nor NaN, which a zero of A must not hide. */
export function allFinite(b: usize, stride: usize, lines: i32, length: i32): bool {
  // Zero times a value is a zero, but for these: then it is NaN, and so is the sum.
  const zero = f32x4.splat(0)
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero
  for (let line: i32 = 0; line < lines; line++, b += stride)
    for (let at = b, end = b + (<usize>length << 2); at < end; at += 64) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(at), zero))
      s1 = f32x4.add(s1, f32x4.mul(v128.load(at, 16), zero))
      s2 = f32x4.add(s2, f32x4.mul(v128.load(at, 32), zero))
      s3 = f32x4.add(s3, f32x4.mul(v128.load(at, 48), zero))
    }
  const sum = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3))
  return !v128.any_true(f32x4.ne(sum, zero))
}

/**
 * The values of A[rows, depth] that are not zero, row by row in the order of k: each as the distance in bytes of its row of
 * B, rows of `bRow` bytes, and the value. A's rows are `stride` bytes apart. A row's list begins `depth` values after the
 * one before; the lengths, in bytes, are at `lengths`.
 */
export function list(a: usize, stride: usize, rows: i32, depth: i32, bRow: usize, to: usize, lengths: usize): void {
  const lane = <usize>depth << 3
  const zero = f32x4.splat(0)
  for (let row: i32 = 0; row < rows; row++, a += stride, to += lane, lengths += 4) {
    let end = to
    let distance: usize = 0
    let at = a
    for (const last = a + (<usize>(depth & ~3) << 2); at < last; at += 16, distance += bRow << 2) {
      // Zeros come in rows.
      if (!v128.any_true(f32x4.ne(v128.load(at), zero))) continue
      end = append(end, f32.load(at), distance)
      end = append(end, f32.load(at, 4), distance + bRow)
      end = append(end, f32.load(at, 8), distance + bRow * 2)
      end = append(end, f32.load(at, 12), distance + bRow * 3)
    }
    for (const last = a + (<usize>depth << 2); at < last; at += 4, distance += bRow) end = append(end, f32.load(at), distance)
    i32.store(lengths, <i32>(end - to))
  }
}

/** The same for A stored as [depth, rows]. */
export function listTurned(a: usize, stride: usize, rows: i32, depth: i32, bRow: usize, to: usize, lengths: usize): void {
  const lane = <usize>depth << 3
  const zero = f32x4.splat(0)
  memory.fill(lengths, 0, <usize>rows << 2)
  let distance: usize = 0
  for (let k: i32 = 0; k < depth; k++, a += stride, distance += bRow) {
    let row: i32 = 0
    for (; row + 4 <= rows; row += 4) {
      const values = v128.load(a + (<usize>row << 2))
      if (!v128.any_true(f32x4.ne(values, zero))) continue
      const length = lengths + (<usize>row << 2)
      const first = to + <usize>row * lane
      appendTo(first, length, f32x4.extract_lane(values, 0), distance)
      appendTo(first + lane, length + 4, f32x4.extract_lane(values, 1), distance)
      appendTo(first + lane * 2, length + 8, f32x4.extract_lane(values, 2), distance)
      appendTo(first + lane * 3, length + 12, f32x4.extract_lane(values, 3), distance)
    }
    for (; row < rows; row++)
      appendTo(to + <usize>row * lane, lengths + (<usize>row << 2), f32.load(a + (<usize>row << 2)), distance)
  }
}

/** Written in any case, and counted when it is not zero: a branch for each value would be guessed wrong too often. */
@inline
function append(at: usize, value: f32, distance: usize): usize {
  i32.store(at, <i32>distance)
  f32.store(at, value, 4)
  return at + (<usize>i32(value != 0) << 3)
}

@inline
function appendTo(list: usize, length: usize, value: f32, distance: usize): void {
  const before = <usize>i32.load(length)
  i32.store(length, <i32>(append(list + before, value, distance) - list))
}

/**
 * C[rows, columns] = A B, or C + A B with `add`, A as listed; `columns` a multiple of 16. B is in panels of 8 columns, `panel`
 * bytes from one to the next: 32 when it is as it was.
 */
export function listed(
  rows: i32, depth: i32, columns: i32, lists: usize, lengths: usize, b: usize, panel: usize, c: usize, cRow: usize, add: bool,
): void {
  for (let column: i32 = 0; column < columns; column += WIDE, b += panel << 1, c += 64) {
    const b1 = b + panel
    let from = lists
    let to = c
    for (let row: i32 = 0; row < rows; row++, from += <usize>depth << 3, to += cRow) {
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
      const end = from + <usize>i32.load(lengths + (<usize>row << 2))
      for (let at = from; at < end; at += 8) {
        const k = <usize>i32.load(at)
        const x = v128.load_splat<f32>(at, 4)
        s0 = f32x4.add(s0, f32x4.mul(x, v128.load(b + k)))
        s1 = f32x4.add(s1, f32x4.mul(x, v128.load(b + k, 16)))
        s2 = f32x4.add(s2, f32x4.mul(x, v128.load(b1 + k)))
        s3 = f32x4.add(s3, f32x4.mul(x, v128.load(b1 + k, 16)))
      }
      if (add) {
        s0 = f32x4.add(v128.load(to), s0)
        s1 = f32x4.add(v128.load(to, 16), s1)
        s2 = f32x4.add(v128.load(to, 32), s2)
        s3 = f32x4.add(v128.load(to, 48), s3)
      }
      v128.store(to, s0)
      v128.store(to, s1, 16)
      v128.store(to, s2, 32)
      v128.store(to, s3, 48)
    }
  }
}
