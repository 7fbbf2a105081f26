const RADIX = 2048
/** Above it lie the eight bits of the exponent and the three after it: 0 … 2047. */
const LEADING = 20

/** Bits of a magnitude that each pass counts by, from the first below `from` down to `to`. */
const PASSES = [
  { from: 31, to: LEADING },
  { from: LEADING, to: 9 },
  { from: 9, to: 0 },
] as const

/**
 * The `rank`-th largest magnitude, from 1, of each of `count` vectors that are read part by part; exact. Magnitudes of float32 are
 * ordered as the integers of their bits, so three counting passes over 11, 11 and 9 bits find it, where sorting would take tens of
 * comparisons a value. `read` is called for each pass and gives every part of every vector to `visit`, in any order: sums of counts
 * do not know it. Memory is 8 KiB a vector.
 */
export function magnitudesOfRank(
  count: number,
  rank: number,
  read: (visit: (vector: number, part: Float32Array) => void) => void,
): Float32Array {
  let found = Array.from({ length: count }, () => ({ left: rank, prefix: 0 }))
  for (const pass of PASSES) {
    const counts = found.map(() => new Uint32Array(RADIX))
    read((vector, part) => tally(counts[vector]!, bitsOf(part), found[vector]!.prefix, pass))
    found = found.map(({ left, prefix }, vector) => {
      const { digit, rank } = borderAt(counts[vector]!, left)
      return { left: rank, prefix: prefix | (digit << pass.to) }
    })
  }
  return new Float32Array(Uint32Array.from(found, ({ prefix }) => prefix).buffer)
}

/** The same of one vector. */
export function magnitudeOfRank(values: Float32Array, rank: number): number {
  return magnitudesOfRank(1, rank, visit => visit(0, values))[0]!
}

/** Counts the next bits of the values whose bits from `from` up are those of `prefix`. */
function tally(counts: Uint32Array, bits: Uint32Array, prefix: number, { from, to }: (typeof PASSES)[number]): void {
  if (from === 31) countLeading(counts, bits)
  else countAmong(counts, bits, prefix >>> from, from, to)
}

function countLeading(counts: Uint32Array, bits: Uint32Array): void {
  for (let i = 0; i < bits.length; i++) counts[(bits[i]! & 0x7fff_ffff) >>> LEADING]!++
}

function countAmong(counts: Uint32Array, bits: Uint32Array, wanted: number, from: number, to: number): void {
  const mask = (1 << (from - to)) - 1
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fff_ffff
    if (magnitude >>> from === wanted) counts[(magnitude >>> to) & mask]!++
  }
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

/** Sets to 0, in place, the magnitudes below `least`. What is not a number stays. */
export function keepFrom(values: Float32Array, least: number): void {
  const bits = bitsOf(values)
  const [border] = bitsOf(Float32Array.of(least))
  dropBelow(bits, border!)
}

/** Without a branch, which would be guessed wrong as often as not: the sign of the difference is all ones where it is below. */
function dropBelow(bits: Uint32Array, border: number): void {
  for (let i = 0; i < bits.length; i++) bits[i]! &= ~(((bits[i]! & 0x7fff_ffff) - border) >> 31)
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
  const bits = bitsOf(values)
  const counts = new Uint32Array(RADIX)
  countLeading(counts, bits)
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
