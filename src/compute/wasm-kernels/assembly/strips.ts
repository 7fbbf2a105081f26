import { upper } from './lanes'

/**
 * Kernels that look at all values of a column at once. A strip of 16 columns, a cache line of each row, is copied together
 * first: whatever is done to it then stays in the nearest cache, and rows that lie a power of two apart do not meet there.
 */
const STRIP: i32 = 16
/** Bytes of a row of a strip. */
const LINE: usize = 64

/** Bytes of scratch for a stack of so many rows. */
export function stripScratch(rows: i32): usize {
  return (<usize>rows + 1) * LINE
}

/** Copies `width` columns, at most 16, of each row; the rest of the line is 0. */
function gather(stack: usize, rows: i32, line: usize, width: i32, strip: usize): void {
  if (width == STRIP) {
    for (let row: i32 = 0; row < rows; row++, stack += line, strip += LINE) {
      v128.store(strip, v128.load(stack))
      v128.store(strip, v128.load(stack, 16), 16)
      v128.store(strip, v128.load(stack, 32), 32)
      v128.store(strip, v128.load(stack, 48), 48)
    }
    return
  }
  const bytes = <usize>width << 2
  memory.fill(strip, 0, <usize>rows * LINE)
  for (let row: i32 = 0; row < rows; row++, stack += line, strip += LINE) memory.copy(strip, stack, bytes)
}

/**
 * out[column] = the mean of a column without its `cut` smallest and `cut` largest values; what is left is added in ascending
 * order in float64 and rounded once: the very numbers of the loop in JavaScript.
 */
export function centralMean(stack: usize, rows: i32, columns: i32, cut: i32, out: usize, scratch: usize): void {
  const result = scratch + <usize>rows * LINE
  const first = scratch + <usize>cut * LINE
  const left = rows - 2 * cut
  for (let start: i32 = 0; start < columns; start += STRIP) {
    const width = min(STRIP, columns - start)
    const at = <usize>start << 2
    gather(stack + at, rows, <usize>columns << 2, width, scratch)
    sort(scratch, rows)
    for (let offset: usize = 0; offset < LINE; offset += 16) meanOf(first + offset, left, result + offset)
    memory.copy(out + at, result, <usize>width << 2)
  }
}

/** Of four columns. */
function meanOf(lines: usize, count: i32, out: usize): void {
  let low = f64x2.splat(0), high = low
  for (let row: i32 = 0; row < count; row++, lines += LINE) {
    const values = v128.load(lines)
    low = f64x2.add(low, f64x2.promote_low_f32x4(values))
    high = f64x2.add(high, f64x2.promote_low_f32x4(upper(values)))
  }
  const by = f64x2.splat(<f64>count)
  store(out, f64x2.div(low, by), f64x2.div(high, by))
}

/**
 * out[column] = the mean of the `count` values of a column that are nearest to its median, and of those that are as near as the
 * last of them. Added in ascending order in float64, rounded once: the very numbers of the loop in JavaScript.
 */
export function meanAroundMedian(stack: usize, rows: i32, columns: i32, count: i32, out: usize, scratch: usize): void {
  for (let start: i32 = 0; start < columns; start += STRIP) {
    const width = min(STRIP, columns - start)
    const at = <usize>start << 2
    gather(stack + at, rows, <usize>columns << 2, width, scratch)
    sort(scratch, rows)
    for (let i: i32 = 0; i < width; i++)
      f32.store(out + at + (<usize>i << 2), meanOfNearest(scratch + (<usize>i << 2), rows, count))
  }
}

/** Of one sorted column: from the middle outwards, always to the nearer side. */
function meanOfNearest(column: usize, rows: i32, count: i32): f32 {
  const middle = (valueAt(column, (rows - 1) >> 1) + valueAt(column, rows >> 1)) / 2
  let high: i32 = rows >> 1
  let low = high - 1
  let farthest: f64 = 0
  for (let taken: i32 = 0; taken < count; taken++) {
    const below = low >= 0 ? middle - valueAt(column, low) : Infinity
    const above = high < rows ? valueAt(column, high) - middle : Infinity
    if (below <= above) {
      farthest = below
      low--
    } else {
      farthest = above
      high++
    }
  }
  while (low >= 0 && middle - valueAt(column, low) <= farthest) low--
  while (high < rows && valueAt(column, high) - middle <= farthest) high++
  let sum: f64 = 0
  for (let row = low + 1; row < high; row++) sum += valueAt(column, row)
  return <f32>(sum / <f64>(high - low - 1))
}

@inline
function valueAt(column: usize, row: i32): f64 {
  return <f64>f32.load(column + <usize>row * LINE)
}

/**
 * Sorts each column of a strip, ascending: Batcher's merge exchange, whose comparisons are the same whatever the values are,
 * so that 16 columns go through it together (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M).
 */
function sort(strip: usize, rows: i32): void {
  if (rows < 2) return
  let top: i32 = 1
  while (top << 1 < rows) top <<= 1
  for (let p = top; p > 0; p >>= 1) {
    let q = top
    let r: i32 = 0
    let d = p
    while (true) {
      for (let i: i32 = 0; i < rows - d; i++)
        if ((i & p) == r) exchange(strip + <usize>i * LINE, strip + <usize>(i + d) * LINE)
      if (q == p) break
      d = q - p
      q >>= 1
      r = p
    }
  }
}

/** The smaller values of two lines go into the first; of equal ones, and of values that are no numbers, none is lost. */
@inline
function exchange(a: usize, b: usize): void {
  exchangeFour(a, b)
  exchangeFour(a + 16, b + 16)
  exchangeFour(a + 32, b + 32)
  exchangeFour(a + 48, b + 48)
}

@inline
function exchangeFour(a: usize, b: usize): void {
  const x = v128.load(a)
  const y = v128.load(b)
  v128.store(a, f32x4.pmin(x, y)) // y < x ? y : x
  v128.store(b, f32x4.pmax(y, x)) // y < x ? x : y
}

/**
 * out[column] = the weighted mean of the values whose sign is that of the column's weighted sum; 0 where that is 0. Float64
 * in row order, rounded once: the very numbers of the loop in JavaScript. `weights` are float64.
 */
export function electedMean(stack: usize, weights: usize, rows: i32, columns: i32, out: usize, scratch: usize): void {
  const result = scratch + <usize>rows * LINE
  for (let start: i32 = 0; start < columns; start += STRIP) {
    const width = min(STRIP, columns - start)
    const at = <usize>start << 2
    gather(stack + at, rows, <usize>columns << 2, width, scratch)
    for (let offset: usize = 0; offset < LINE; offset += 16) electFour(scratch + offset, weights, rows, result + offset)
    memory.copy(out + at, result, <usize>width << 2)
  }
}

function electFour(lines: usize, weights: usize, rows: i32, out: usize): void {
  const zero = f64x2.splat(0)
  let low = zero, high = zero
  let line = lines
  for (let row: i32 = 0; row < rows; row++, line += LINE) {
    const weight = v128.load_splat<f64>(weights + (<usize>row << 3))
    const values = v128.load(line)
    low = f64x2.add(low, f64x2.mul(weight, f64x2.promote_low_f32x4(values)))
    high = f64x2.add(high, f64x2.mul(weight, f64x2.promote_low_f32x4(upper(values))))
  }
  let agreedLow = zero, agreedHigh = zero, shareLow = zero, shareHigh = zero
  line = lines
  for (let row: i32 = 0; row < rows; row++, line += LINE) {
    const weight = v128.load_splat<f64>(weights + (<usize>row << 3))
    const values = v128.load(line)
    const x = f64x2.promote_low_f32x4(values)
    const y = f64x2.promote_low_f32x4(upper(values))
    const agreesX = f64x2.gt(f64x2.mul(x, low), zero)
    const agreesY = f64x2.gt(f64x2.mul(y, high), zero)
    agreedLow = f64x2.add(agreedLow, v128.and(agreesX, f64x2.mul(weight, x)))
    agreedHigh = f64x2.add(agreedHigh, v128.and(agreesY, f64x2.mul(weight, y)))
    shareLow = f64x2.add(shareLow, v128.and(agreesX, weight))
    shareHigh = f64x2.add(shareHigh, v128.and(agreesY, weight))
  }
  const meanLow = v128.and(f64x2.gt(shareLow, zero), f64x2.div(agreedLow, shareLow))
  const meanHigh = v128.and(f64x2.gt(shareHigh, zero), f64x2.div(agreedHigh, shareHigh))
  store(out, meanLow, meanHigh)
}

/** Four float64 rounded to float32. */
@inline
function store(out: usize, low: v128, high: v128): void {
  const two = f32x4.demote_f64x2_zero(low)
  v128.store(out, v128.shuffle<f32>(two, f32x4.demote_f64x2_zero(high), 0, 1, 4, 5))
}
