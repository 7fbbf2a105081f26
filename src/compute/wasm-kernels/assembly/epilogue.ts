import { rectified } from './lanes'

/** x[rows, columns] += bias[columns] when there is one, then max(x, 0) when `relu`; in place. */
export function addBias(x: usize, rows: i32, columns: i32, bias: usize, relu: bool): void {
  for (let row: i32 = 0; row < rows; row++) {
    let from = bias
    let column: i32 = 0
    for (; column + 4 <= columns; column += 4, x += 16, from += 16) {
      let value = v128.load(x)
      if (bias) value = f32x4.add(value, v128.load(from))
      if (relu) value = rectified(value)
      v128.store(x, value)
    }
    for (; column < columns; column++, x += 4, from += 4) {
      let value = f32.load(x)
      if (bias) value += f32.load(from)
      if (relu) value = max<f32>(value, 0)
      f32.store(x, value)
    }
  }
}

/**
 * out[rows, columns] = x + row[columns]. `pattern` is scratch of 16 bytes a column: four times the row, which is a whole
 * number of vectors whatever the columns are.
 */
export function addRow(x: usize, row: usize, out: usize, rows: i32, columns: i32, pattern: usize): void {
  const bytes = <usize>columns << 2
  for (let i: usize = 0; i < 4; i++) memory.copy(pattern + i * bytes, row, bytes)
  let left = rows
  for (; left >= 4; left -= 4)
    for (let at: usize = 0; at < bytes << 2; at += 16, x += 16, out += 16)
      v128.store(out, f32x4.add(v128.load(x), v128.load(pattern + at)))
  for (let at: usize = 0; at < <usize>left * bytes; at += 4, x += 4, out += 4)
    f32.store(out, f32.load(x) + f32.load(pattern + at))
}

/** dx = dy where y > 0, NaN where y is NaN, else 0, for float32 of `length`: the gradient of max(x, 0) from its result. */
export function rectifierGradient(y: usize, dy: usize, dx: usize, length: i32): void {
  const zero = f32x4.splat(0)
  let i: i32 = 0
  for (; i + 4 <= length; i += 4, y += 16, dy += 16, dx += 16) {
    const value = v128.load(y)
    // All bits set, as a comparison sets them, is NaN.
    v128.store(dx, v128.or(v128.and(v128.load(dy), f32x4.gt(value, zero)), f32x4.ne(value, value)))
  }
  for (; i < length; i++, y += 4, dy += 4, dx += 4) {
    const value = f32.load(y)
    f32.store(dx, value > 0 ? f32.load(dy) : value == value ? 0 : value)
  }
}

/**
 * Sums of the columns of x[rows, columns] to float32[columns], each in float64 over the rows in order. `sums` is scratch
 * of 8 bytes a column.
 */
export function columnSums(x: usize, rows: i32, columns: i32, out: usize, sums: usize): void {
  memory.fill(sums, 0, <usize>columns << 3)
  const line = <usize>columns << 2
  let row: i32 = 0
  for (; row + 4 <= rows; row += 4, x += line << 2) {
    const x1 = x + line
    const x2 = x1 + line
    const x3 = x2 + line
    let column: i32 = 0
    for (; column + 2 <= columns; column += 2) {
      const at = <usize>column << 2
      const sum = sums + (<usize>column << 3)
      let total = v128.load(sum)
      total = f64x2.add(total, f64x2.promote_low_f32x4(v128.load64_zero(x + at)))
      total = f64x2.add(total, f64x2.promote_low_f32x4(v128.load64_zero(x1 + at)))
      total = f64x2.add(total, f64x2.promote_low_f32x4(v128.load64_zero(x2 + at)))
      total = f64x2.add(total, f64x2.promote_low_f32x4(v128.load64_zero(x3 + at)))
      v128.store(sum, total)
    }
    for (; column < columns; column++) {
      const at = <usize>column << 2
      const sum = sums + (<usize>column << 3)
      let total = f64.load(sum)
      total += <f64>f32.load(x + at)
      total += <f64>f32.load(x1 + at)
      total += <f64>f32.load(x2 + at)
      total += <f64>f32.load(x3 + at)
      f64.store(sum, total)
    }
  }
  for (; row < rows; row++)
    for (let column: i32 = 0; column < columns; column++, x += 4) {
      const sum = sums + (<usize>column << 3)
      f64.store(sum, f64.load(sum) + <f64>f32.load(x))
    }
  for (let column: i32 = 0; column < columns; column++)
    f32.store(out + (<usize>column << 2), <f32>f64.load(sums + (<usize>column << 3)))
}
