import { z } from 'zod'

const MOST = 100_000

/** Rounds in words: "3", "1-5,10". */
export const rangesText = z
  .string()
  .regex(/^\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*$/, 'expected rounds and ranges, e.g. "1-5,10"')

/** The same as rounds, each once, in order. */
export const roundRanges = rangesText
  .max(200)
  .transform(roundsOf)
  .refine(rounds => rounds.length > 0, 'expected ranges that begin before they end')

/** Of ranges that overlap the same round comes more than once. */
export function roundsOf(ranges: string): number[] {
  const rounds = ranges.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: Math.min(MOST, Math.max(0, last - first + 1)) }, (_, i) => first + i)
  })
  return ascending(rounds)
}

export function ascending(rounds: Iterable<number>): number[] {
  return [...new Set(rounds)].sort((a, b) => a - b)
}
