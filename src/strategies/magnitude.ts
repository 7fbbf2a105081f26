const RADIX = 2048

/**
 * The `rank`-th largest magnitude among `values`, from 1; exact. Magnitudes of float32 are ordered as the integers of their
 * bits, so three counting passes over 11, 11 and 9 bits find it, where sorting would take tens of comparisons a value.
 */
export function magnitudeOfRank(values: Float32Array, rank: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const first = passed(bits, rank, 0, 31, 20)
  const second = passed(bits, first.left, first.prefix, 20, 9)
  const { prefix } = passed(bits, second.left, second.prefix, 9, 0)
  return new Float32Array(Uint32Array.of(prefix).buffer)[0]!
}

/** Among the values whose bits from `from` up are those of `prefix`: the next bits, down to `to`, of the `rank`-th largest. */
function passed(bits: Uint32Array, rank: number, prefix: number, from: number, to: number) {
  const counts = new Uint32Array(RADIX)
  const mask = (1 << (from - to)) - 1
  const wanted = from === 31 ? 0 : prefix >>> from
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fff_ffff
    if (from === 31 || magnitude >>> from === wanted) counts[(magnitude >>> to) & mask]!++
  }
  let left = rank
  let digit = mask
  for (; digit > 0 && counts[digit]! < left; digit--) left -= counts[digit]!
  return { left, prefix: prefix | (digit << to) }
}

/**
 * Sets to 0, in place, the `largest` largest and the `smallest` smallest magnitudes of `values`. Values as large as the
 * largest or smallest that is kept are kept too, so that the order of equal values cannot matter. Two passes: one counts
 * the leading bits, one drops what lies outside and collects the few values at the two borders, to be ranked exactly.
 */
export function keepBetween(values: Float32Array, largest: number, smallest: number): void {
  if (largest + smallest >= values.length) {
    values.fill(0)
    return
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const counts = leadingCounts(bits)
  const high = borderAt(counts, largest + 1)
  const low = borderAt(counts, values.length - smallest)
  const atHigh = new Uint32Array(counts[high.digit]!)
  const atLow = new Uint32Array(counts[low.digit]!)
  split(bits, high.digit, low.digit, atHigh, atLow)
  const most = magnitudeAt(bits, atHigh, high.rank)
  const least = magnitudeAt(bits, atLow, low.rank)
  dropOutside(values, atHigh, least, most)
  dropOutside(values, atLow, least, most)
}

/** The eight bits of the exponent and the three after it: 0 … 2047. */
const LEADING = 20

function leadingCounts(bits: Uint32Array): Uint32Array {
  const counts = new Uint32Array(RADIX)
  for (let i = 0; i < bits.length; i++) counts[(bits[i]! & 0x7fff_ffff) >>> LEADING]!++
  return counts
}

/** Among which leading bits the `rank`-th largest is, and its rank there. */
function borderAt(counts: Uint32Array, rank: number): { readonly digit: number; readonly rank: number } {
  let left = rank
  let digit = RADIX - 1
  for (; digit > 0 && counts[digit]! < left; digit--) left -= counts[digit]!
  return { digit, rank: left }
}

/** Drops what lies beyond the borders, and notes where the values at each of them are. */
function split(bits: Uint32Array, high: number, low: number, atHigh: Uint32Array, atLow: Uint32Array): void {
  let [highs, lows] = [0, 0]
  for (let i = 0; i < bits.length; i++) {
    const digit = (bits[i]! & 0x7fff_ffff) >>> LEADING
    if (digit > high || digit < low) bits[i] = 0
    if (digit === high) atHigh[highs++] = i
    if (digit === low) atLow[lows++] = i
  }
}

function magnitudeAt(bits: Uint32Array, places: Uint32Array, rank: number): number {
  const values = new Float32Array(places.map(place => bits[place]!).buffer)
  return magnitudeOfRank(values, rank)
}

function dropOutside(values: Float32Array, places: Uint32Array, least: number, most: number): void {
  for (const place of places) {
    const magnitude = Math.abs(values[place]!)
    if (magnitude > most || magnitude < least) values[place] = 0
  }
}

/** A fraction of `size` values, rounded to a whole number of them. */
export function countOf(fraction: number, size: number): number {
  return Math.round(fraction * size)
}
