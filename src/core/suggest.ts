import { closest, distance } from 'fastest-levenshtein'

/**
 * The one of `known` that was probably meant by a mistyped `given`: letters in another order, a beginning of three letters
 * or more that fits one name only, or few wrong letters for its length (one up to five letters, two up to eight, else three).
 * Case and the marks between words do not count. Undefined where nothing is near: a far-fetched guess misleads.
 */
export function meant(given: string, known: readonly string[]): string | undefined {
  const word = plain(given)
  const words = known.map(plain)
  if (word === '' || words.length === 0) return undefined
  const begun = word.length < 3 ? [] : words.flatMap((name, i) => (name.startsWith(word) ? [i] : []))
  if (begun.length === 1) return known[begun[0]!]
  const turned = words.findIndex(name => letters(name) === letters(word))
  if (turned >= 0) return known[turned]
  const near = closest(word, words)
  return distance(word, near) <= mistakes(word.length) ? known[words.indexOf(near)] : undefined
}

/** "Did you mean …?", or nothing. */
export function didYouMean(given: string, known: readonly string[]): string | undefined {
  const name = meant(given, known)
  return name === undefined ? undefined : `Did you mean "${name}"?`
}

function mistakes(length: number): number {
  if (length < 3) return 0
  return length <= 5 ? 1 : length <= 8 ? 2 : 3
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '')
}

function letters(word: string): string {
  return [...word].sort().join('')
}
