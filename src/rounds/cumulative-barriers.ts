import { z } from 'zod'
import { matrixCells, matrixOf, matrixQuestion } from '../analysis/barrier-matrix.ts'
import { type HeightCell, lastRound } from '../analysis/heights.ts'
import { roundRanges } from '../analysis/round-ranges.ts'
import { FedError } from '../core/errors.ts'
import { CUMULATIVE_ORDERS } from '../core/records.ts'
import { listText } from '../core/text-values.ts'
import { missingBarriers } from './barrier-curves.ts'
import { historyQuestion } from './barrier-matrix.ts'
import type { Store } from './ports.ts'
import { barrierPages } from './probe-rows.ts'

/** Which cumulative barriers, against the number of layers that have joined. */
export const cumulativeQuestion = historyQuestion.omit({ path: true, order: true }).extend({
  rounds: roundRanges.optional().meta({
    description: 'rounds and ranges, e.g. 1-3,10; default: the last one that the run measured such barriers of',
  }),
  orders: listText(z.enum(CUMULATIVE_ORDERS))
    .optional()
    .meta({ description: `of ${CUMULATIVE_ORDERS.join(', ')}; default: all that were measured` }),
})

export type CumulativeQuestion = z.infer<typeof cumulativeQuestion>

interface CumulativeLine {
  readonly order: (typeof CUMULATIVE_ORDERS)[number]
  readonly round: number
  /** As they joined. */
  readonly layers: readonly string[]
  /** The barrier when so many layers have joined, from 1: mean over pairs. */
  readonly values: readonly (number | null)[]
}

/**
 * The cumulative barriers of one or several rounds, a line for each order and round, for the base asked for or for each of
 * the two. Throws `run_not_found`, and `barriers_missing`, which says what there is.
 */
export async function readCumulativeBarriers(store: Store, run: string, question: CumulativeQuestion) {
  const { name } = await store.run(run)
  const bases = question.base === undefined ? (['1', '2'] as const) : [question.base]
  const lines = bases.flatMap(base =>
    CUMULATIVE_ORDERS.map(order => {
      const { value, height, split, between, probe } = question
      const asked = matrixQuestion.parse({ path: 'cumulative', order, base, value, height, split, between, probe })
      return { base, order, asked, cells: [] as HeightCell[] }
    }),
  )
  const { split, probe } = question
  for await (const records of barrierPages(store, run, { path: 'cumulative', split, probe }))
    for (const { asked, cells } of lines) cells.push(...matrixCells(records, asked))
  const found = lines.filter(({ cells }) => cells.length > 0)
  const orders = [...new Set(found.map(({ order }) => order))]
  const stray = question.orders?.find(order => !orders.includes(order))
  if (stray !== undefined && found.length > 0)
    throw new FedError('barriers_missing', {
      expected: `orders that were measured: ${orders.join(', ')}`,
      received: stray,
    })
  const shown = found.filter(({ order }) => question.orders?.includes(order) ?? true)
  const measured = new Set(shown.flatMap(({ cells }) => cells.map(({ round }) => round)))
  const rounds = question.rounds ?? [lastRound(shown.flatMap(({ cells }) => cells)) ?? -1]
  const unknown = rounds.find(round => !measured.has(round))
  if (unknown !== undefined) throw missingBarriers(measured, unknown, `cumulative, ${question.between}, ${split} split`)
  const panels = bases.map(base => ({
    base,
    lines: shown
      .filter(line => line.base === base)
      .flatMap(({ order, asked, cells }): CumulativeLine[] => {
        const matrix = matrixOf(cells, [], asked)
        return rounds.flatMap(round => {
          const column = matrix.rounds.indexOf(round)
          if (column < 0) return []
          // The first row is the full barrier, which is the last step's as well.
          return [
            { order, round, layers: matrix.rows.slice(1), values: matrix.values.slice(1).map(row => row[column]!) },
          ]
        })
      }),
  }))
  return { ...question, run, name, rounds, panels }
}
