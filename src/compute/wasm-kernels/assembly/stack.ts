import { upper } from './lanes'

/** Coordinates summed at a time: 16 KiB of float64, which stay in the innermost cache while all rows pass by. */
const TILE: i32 = 2048

/** Bytes of the sums of `weightedSum`. */
export function sumScratch(): usize {
  return <usize>TILE << 3
}

/**
 * out[columns] = the sum over rows of weights[row] * stack[row], in float64 in row order, rounded once: the very numbers
 * of the loop in JavaScript. A row begins `stride` values after the one before: the columns may be part of a larger stack. `weights` are float64. Eight rows a pass, since every visit to a sum is a load and a store.
 */
export function weightedSum(
  stack: usize,
  stride: i32,
  weights: usize,
  rows: i32,
  columns: i32,
  out: usize,
  sums: usize,
): void {
  const line = <usize>stride << 2
  for (let start: i32 = 0; start < columns; start += TILE) {
    const length = min(TILE, columns - start)
    memory.fill(sums, 0, <usize>length << 3)
    let from = stack + (<usize>start << 2)
    let row: i32 = 0
    for (; row + 8 <= rows; row += 8, from += line << 3) eightRows(from, line, length, weights + (<usize>row << 3), sums)
    for (; row + 4 <= rows; row += 4, from += line << 2) fourRows(from, line, length, weights + (<usize>row << 3), sums)
    for (; row < rows; row++, from += line) oneRow(from, length, f64.load(weights + (<usize>row << 3)), sums)
    round(sums, out + (<usize>start << 2), length)
  }
}

// Two floats are loaded at a time: with the conversion that is one instruction.

function eightRows(x: usize, line: usize, length: i32, weights: usize, sums: usize): void {
  const w0 = v128.load_splat<f64>(weights)
  const w1 = v128.load_splat<f64>(weights, 8)
  const w2 = v128.load_splat<f64>(weights, 16)
  const w3 = v128.load_splat<f64>(weights, 24)
  const w4 = v128.load_splat<f64>(weights, 32)
  const w5 = v128.load_splat<f64>(weights, 40)
  const w6 = v128.load_splat<f64>(weights, 48)
  const w7 = v128.load_splat<f64>(weights, 56)
  const x1 = x + line
  const x2 = x1 + line
  const x3 = x2 + line
  const x4 = x3 + line
  const x5 = x4 + line
  const x6 = x5 + line
  const x7 = x6 + line
  let i: i32 = 0
  for (; i + 2 <= length; i += 2, sums += 16) {
    const at = <usize>i << 2
    let sum = v128.load(sums)
    sum = f64x2.add(sum, f64x2.mul(w0, f64x2.promote_low_f32x4(v128.load64_zero(x + at))))
    sum = f64x2.add(sum, f64x2.mul(w1, f64x2.promote_low_f32x4(v128.load64_zero(x1 + at))))
    sum = f64x2.add(sum, f64x2.mul(w2, f64x2.promote_low_f32x4(v128.load64_zero(x2 + at))))
    sum = f64x2.add(sum, f64x2.mul(w3, f64x2.promote_low_f32x4(v128.load64_zero(x3 + at))))
    sum = f64x2.add(sum, f64x2.mul(w4, f64x2.promote_low_f32x4(v128.load64_zero(x4 + at))))
    sum = f64x2.add(sum, f64x2.mul(w5, f64x2.promote_low_f32x4(v128.load64_zero(x5 + at))))
    sum = f64x2.add(sum, f64x2.mul(w6, f64x2.promote_low_f32x4(v128.load64_zero(x6 + at))))
    sum = f64x2.add(sum, f64x2.mul(w7, f64x2.promote_low_f32x4(v128.load64_zero(x7 + at))))
    v128.store(sums, sum)
  }
  if (i < length) {
    const at = <usize>i << 2
    let sum = f64.load(sums)
    sum += f64.load(weights) * <f64>f32.load(x + at)
    sum += f64.load(weights, 8) * <f64>f32.load(x1 + at)
    sum += f64.load(weights, 16) * <f64>f32.load(x2 + at)
    sum += f64.load(weights, 24) * <f64>f32.load(x3 + at)
    sum += f64.load(weights, 32) * <f64>f32.load(x4 + at)
    sum += f64.load(weights, 40) * <f64>f32.load(x5 + at)
    sum += f64.load(weights, 48) * <f64>f32.load(x6 + at)
    sum += f64.load(weights, 56) * <f64>f32.load(x7 + at)
    f64.store(sums, sum)
  }
}

function fourRows(x: usize, line: usize, length: i32, weights: usize, sums: usize): void {
  const w0 = v128.load_splat<f64>(weights)
  const w1 = v128.load_splat<f64>(weights, 8)
  const w2 = v128.load_splat<f64>(weights, 16)
  const w3 = v128.load_splat<f64>(weights, 24)
  const x1 = x + line
  const x2 = x1 + line
  const x3 = x2 + line
  let i: i32 = 0
  for (; i + 2 <= length; i += 2, sums += 16) {
    const at = <usize>i << 2
    let sum = v128.load(sums)
    sum = f64x2.add(sum, f64x2.mul(w0, f64x2.promote_low_f32x4(v128.load64_zero(x + at))))
    sum = f64x2.add(sum, f64x2.mul(w1, f64x2.promote_low_f32x4(v128.load64_zero(x1 + at))))
    sum = f64x2.add(sum, f64x2.mul(w2, f64x2.promote_low_f32x4(v128.load64_zero(x2 + at))))
    sum = f64x2.add(sum, f64x2.mul(w3, f64x2.promote_low_f32x4(v128.load64_zero(x3 + at))))
    v128.store(sums, sum)
  }
  if (i < length) {
    const at = <usize>i << 2
    let sum = f64.load(sums)
    sum += f64.load(weights) * <f64>f32.load(x + at)
    sum += f64.load(weights, 8) * <f64>f32.load(x1 + at)
    sum += f64.load(weights, 16) * <f64>f32.load(x2 + at)
    sum += f64.load(weights, 24) * <f64>f32.load(x3 + at)
    f64.store(sums, sum)
  }
}

function oneRow(x: usize, length: i32, weight: f64, sums: usize): void {
  const w = f64x2.splat(weight)
  let i: i32 = 0
  for (; i + 4 <= length; i += 4, sums += 32, x += 16) {
    const values = v128.load(x)
    v128.store(sums, f64x2.add(v128.load(sums), f64x2.mul(w, f64x2.promote_low_f32x4(values))))
    v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.mul(w, f64x2.promote_low_f32x4(upper(values)))), 16)
  }
  for (; i < length; i++, sums += 8, x += 4) f64.store(sums, f64.load(sums) + weight * <f64>f32.load(x))
}

function round(sums: usize, out: usize, length: i32): void {
  let i: i32 = 0
  for (; i + 4 <= length; i += 4, sums += 32, out += 16) {
    const low = f32x4.demote_f64x2_zero(v128.load(sums))
    const high = f32x4.demote_f64x2_zero(v128.load(sums, 16))
    v128.store(out, v128.shuffle<f32>(low, high, 0, 1, 4, 5))
  }
  for (; i < length; i++, sums += 8, out += 4) f32.store(out, <f32>f64.load(sums))
}
