import { groupBy } from '../core/group-by.ts'
import { rangesOf } from '../rounds/barrier-curves.ts'
import { type Height, isOfKind, scopeOf } from '../rounds/barrier-heights.ts'
import { type BarrierColumns, fullTitles } from './barrier-columns.ts'

/**
 * What to say under a table whose columns hold means over different numbers of pairs, a line for each such column:
 * "to global  mean over 4 pairs (rounds 1, 3), 2 (round 2)". Nothing where every number is the mean over as many.
 */
export function pairCounts(
  heights: readonly Height[],
  { full, layers: kind }: BarrierColumns,
  layers: readonly string[],
): readonly string[] {
  const titles = fullTitles(full)
  const columns = [
    ...full.map((shown, i) => ({
      title: titles[i]!,
      column: heights.filter(height => scopeOf(height) === 'full' && isOfKind(height, shown)),
    })),
    ...layers.map(layer => ({
      title: layer,
      column: heights.filter(each => scopeOf(each) === 'layer' && each.layer === layer && isOfKind(each, kind!)),
    })),
  ]
  const words = columns
    .filter(({ column }) => new Set(column.map(({ pairs }) => pairs)).size > 1)
    .map(({ title, column }) => ({ title, words: wordsOf(column) }))
  return [...groupBy(words, each => each.words)].map(
    ([words, titled]) => `${titled.map(({ title }) => title).join(', ')}  mean over ${words}`,
  )
}

function wordsOf(column: readonly Height[]): string {
  return [...groupBy(column, ({ pairs }) => pairs)]
    .map(([pairs, of], i) => {
      const rounds = of.map(({ round }) => round).toSorted((a, b) => a - b)
      return `${pairs}${i === 0 ? (pairs === 1 ? ' pair' : ' pairs') : ''} (round${rounds.length > 1 ? 's' : ''} ${rangesOf(rounds)})`
    })
    .join(', ')
}
