import { stringify } from 'csv-stringify/sync'
import type { z } from 'zod'
import {
  type BarrierMatrix,
  type MatrixQuestion,
  matrixCells,
  matrixOf,
  matrixQuestion,
} from '../analysis/barrier-matrix.ts'
import type { HeightCell } from '../analysis/heights.ts'
import { pagesOf } from './pages.ts'
import type { Store } from './ports.ts'

export {
  type BarrierMatrix,
  barrierMatrixSchema,
  type MatrixQuestion,
  matrixQuestion,
} from '../analysis/barrier-matrix.ts'

/** A question that may leave the base open, which then is both, one beside the other. */
export const historyQuestion = matrixQuestion.extend({
  base: matrixQuestion.shape.base.unwrap().optional().meta({ description: 'a panel for each of the two unless told' }),
})

export type HistoryQuestion = z.infer<typeof historyQuestion>

/** The history of a run's barriers, read page by page. Throws `run_not_found`. */
export async function readBarrierMatrix(store: Store, run: string, question: MatrixQuestion): Promise<BarrierMatrix> {
  const { layers } = await store.run(run)
  const { split, probe } = question
  const cells: HeightCell[] = []
  for (const path of ['full', question.path] as const)
    for await (const records of pagesOf(page => store.barriers(run, { ...page, path, split, probe })))
      cells.push(...matrixCells(records, question))
  return matrixOf(
    cells,
    layers.map(({ name }) => name),
    question,
  )
}

/** What a figure shows of a run: a matrix for the base asked for, or one for each of the two. Throws `run_not_found`. */
export async function readBarrierHistory(store: Store, run: string, question: HistoryQuestion) {
  const { name } = await store.run(run)
  const bases = question.base === undefined ? (['1', '2'] as const) : [question.base]
  const panels: { readonly base: MatrixQuestion['base']; readonly matrix: BarrierMatrix }[] = []
  for (const base of bases) panels.push({ base, matrix: await readBarrierMatrix(store, run, { ...question, base }) })
  return { ...question, run, name, panels }
}

/** CSV (RFC 4180): a row a line, a round a column, empty for null. */
export function matrixCsv({ rows, rounds, values }: BarrierMatrix): string {
  const lines = rows.map((row, i) => [row, ...values[i]!])
  return stringify([['layer', ...rounds], ...lines], { record_delimiter: 'windows' })
}
