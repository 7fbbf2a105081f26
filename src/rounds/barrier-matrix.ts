import { stringify } from 'csv-stringify/sync'
import type { z } from 'zod'
import {
  type BarrierMatrix,
  type MatrixQuestion,
  matrixCells,
  matrixOf,
  matrixQuestion,
} from '../analysis/barrier-matrix.ts'
import { comparedIn, type HeightCell } from '../analysis/heights.ts'
import { FedError } from '../core/errors.ts'
import { missingBarriers } from './barrier-curves.ts'
import type { Store } from './ports.ts'
import { barrierPages } from './probe-rows.ts'

export {
  type BarrierMatrix,
  barrierMatrixSchema,
  type MatrixQuestion,
  matrixQuestion,
} from '../analysis/barrier-matrix.ts'

/** A question that may leave the base open, which then is both, one beside the other. */
export const historyQuestion = matrixQuestion.extend({
  base: matrixQuestion.shape.base.unwrap().optional().meta({ description: 'default: one panel for each' }),
})

export type HistoryQuestion = z.infer<typeof historyQuestion>

/**
 * The history of a run's barriers, read page by page. Throws `run_not_found`, `probe_not_found`, and `barriers_missing`, which
 * says what there is.
 */
export async function readBarrierMatrix(store: Store, run: string, question: MatrixQuestion): Promise<BarrierMatrix> {
  const { layers } = await store.run(run)
  const { split, probe } = question
  const cells: HeightCell[] = []
  for (const path of ['full', question.path] as const)
    for await (const records of barrierPages(store, run, { path, split, probe }))
      cells.push(...matrixCells(records, question))
  const isThere = question.path === 'layer' ? cells.length > 0 : cells.some(({ path }) => path === question.path)
  if (!isThere) throw await missing(store, run, question)
  return matrixOf(
    cells,
    layers.map(({ name }) => name),
    question,
  )
}

async function missing(store: Store, run: string, question: MatrixQuestion): Promise<FedError> {
  const { path, order, split, between, probe } = question
  const asked = `${between}, ${split} split${path === 'cumulative' ? `, ${order} order` : ''}`
  const there = new Set<string>()
  for (const measured of path === 'layer' ? (['full', 'layer'] as const) : (['cumulative'] as const))
    for await (const records of barrierPages(store, run, { path: measured, probe }))
      for (const record of records)
        there.add(`${comparedIn(record)}, ${record.split} split${record.order ? `, ${record.order} order` : ''}`)
  if (there.size === 0) return missingBarriers([], undefined, asked)
  return new FedError('barriers_missing', {
    expected: `barriers that were measured: ${[...there].join('; ')}`,
    received: asked,
  })
}

/** What a figure shows of a run: a matrix for the base asked for, or one for each of the two. Throws likewise. */
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
