import { z } from 'zod'

/** Values that come as text: out of a URL or from a command line. */

/** The largest number that a column of the database holds. */
const MAX_INT = 2 ** 31 - 1

/** A whole number: digits only, so that "", "1e3" and "0x10" are refused, not guessed at. */
export function wholeNumber(min: number, max: number = MAX_INT) {
  const schema = z.int().min(min).max(max)
  return z.preprocess(given => (typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given), schema)
}

/** A name. Control characters are none: PostgreSQL cannot even compare with a zero byte. */
export function nameText(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(/^\P{Cc}+$/u, 'expected text without control characters')
}

/** A list with commas, "a,b", each at most once. */
export function listText<S extends z.ZodType>(item: S, most = 100) {
  const items = listOf(item, most).refine(list => new Set(list).size === list.length, {
    error: issue => `expected each at most once, got ${JSON.stringify(issue.input)}`,
  })
  return z.preprocess(split, items)
}

/** The same of what may be named twice, and counts once. */
export function setText<S extends z.ZodType>(item: S, most = 100) {
  return z.preprocess(split, listOf(item, most)).transform(list => [...new Set(list)])
}

function listOf<S extends z.ZodType>(item: S, most: number) {
  return z.array(item).min(1).max(most)
}

function split(given: unknown): unknown {
  return typeof given === 'string' ? given.split(',').map(word => word.trim()) : given
}
