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
 * largest or smallest that is kept are kept too, so that the order of equal values cannot matter.
 */
export function keepBetween(values: Float32Array, largest: number, smallest: number): void {
  if (largest + smallest >= values.length) {
    values.fill(0)
    return
  }
  const most = largest > 0 ? magnitudeOfRank(values, largest + 1) : Number.POSITIVE_INFINITY
  const least = smallest > 0 ? magnitudeOfRank(values, values.length - smallest) : 0
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!)
    if (magnitude > most || magnitude < least) values[i] = 0
  }
}

/** A fraction of `size` values, rounded to a whole number of them. */
export function countOf(fraction: number, size: number): number {
  return Math.round(fraction * size)
}
