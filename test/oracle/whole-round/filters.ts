import { clipOracle, norm, type Vector } from '../../strategies/oracle.ts'
import { breadcrumbsOracle, topOracle } from '../../strategies/oracle-merges.ts'
import type { Block, Round } from './round.ts'

type Options = Readonly<Record<string, unknown>>
type Oracle = (updates: readonly number[][], round: Round, options: Options) => number[][]

/** By name, with the defaults of the run file. */
export const FILTERS: Readonly<Record<string, Oracle>> = {
  normClip: (updates, { blocks }, { maxNorm = 1, scope = 'model' }) =>
    byScope(updates, blocks, scope, rows => {
      const most = maxNorm === 'median' ? medianOf(rows.map(norm)) : (maxNorm as number)
      return rows.map(row => clipOracle(row, most))
    }),
  trim: (updates, { blocks }, { keep = 0.2, scope = 'model' }) =>
    byScope(updates, blocks, scope, rows =>
      rows.map(row => topOracle(row, Math.max(1, Math.round((keep as number) * row.length)))),
    ),
  breadcrumbs: (updates, { blocks }, { largest = 0.01, smallest = 0.85 }) =>
    byScope(updates, blocks, 'layer', rows =>
      rows.map(row => {
        const counts = [largest, smallest].map(share => Math.round((share as number) * row.length))
        return breadcrumbsOracle(row, counts[0]!, counts[1]!)
      }),
    ),
  // Yu et al. 2024, equation 1. The stream of round, client and layer: 16 bits for each entry, the upper ones first.
  dare: (updates, { blocks, number, sent, rng }, { drop = 0.5 }) => {
    const dropped = Math.round((drop as number) * 65_536)
    return updates.map((update, k) =>
      blocks.flatMap(({ name, start, end }) => {
        const stream = rng.fork(`dare/${number}/${sent[k]!.client}/${name}`)
        const draws = Array.from({ length: Math.ceil((end - start) / 2) }, () => stream.next() * 2 ** 32)
        const halves = draws.flatMap(draw => [Math.floor(draw / 65_536), draw % 65_536])
        return update
          .slice(start, end)
          .map((value, i) => (halves[i]! < dropped ? 0 : (value * 65_536) / (65_536 - dropped)))
      }),
    )
  },
}

/** Of whole updates, or of each block of them. */
function byScope(
  updates: readonly number[][],
  blocks: readonly Block[],
  scope: unknown,
  change: (rows: readonly Vector[]) => number[][],
): number[][] {
  if (scope === 'model') return change(updates)
  const changed = blocks.map(({ start, end }) => change(updates.map(update => update.slice(start, end))))
  return updates.map((_, k) => changed.flatMap(rows => rows[k]!))
}

function medianOf(values: Vector): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.ceil(sorted.length / 2) - 1]! + sorted[Math.floor(sorted.length / 2)]!) / 2
}
