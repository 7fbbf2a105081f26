import { z } from 'zod'
import { groupBy } from '../core/group-by.ts'
import { type BarrierRecord, CUMULATIVE_ORDERS } from '../core/records.ts'
import { barrierHeight, curveOf, HEIGHT_DEFINITIONS } from './height.ts'

/** Pairs of clients, a client and the global model, a client and the model that it began with. */
export const MATRIX_PAIRS = ['clients', 'global', 'init'] as const

/** What a matrix is of: which barriers, and how those of one round and layer become one number. */
export const matrixQuestion = z.strictObject({
  path: z.enum(['layer', 'cumulative']).default('layer').meta({ description: 'the rows below the full barrier' }),
  order: z
    .enum(CUMULATIVE_ORDERS)
    .default('shallow')
    .meta({ description: 'of a cumulative path; a row is named by the layer that joined last' }),
  value: z.enum(['error', 'loss', 'distance', 'cosine']).default('error').meta({
    description: 'the measure: error as a fraction, or loss in nats per example; or how far the two models are apart',
  }),
  height: z.enum(HEIGHT_DEFINITIONS).default('midpoint').meta({
    description: 'of the barrier of error or loss, from its curve; the full barrier has no base-rise and no swap',
  }),
  split: z.enum(['train', 'test']).default('test').meta({ description: 'the examples it was measured on' }),
  base: z
    .enum(['1', '2', 'mean', 'max'])
    .default('mean')
    .meta({ description: 'one of the two bases, or the mean or larger of both, of each pair' }),
  between: z.enum(MATRIX_PAIRS).default('clients').meta({ description: 'what was compared' }),
})

export type MatrixQuestion = z.infer<typeof matrixQuestion>

export const barrierMatrixSchema = z
  .object({
    rows: z.array(z.string()).meta({ description: '"full", then layers: input to output, or as they joined' }),
    rounds: z.array(z.int()).meta({ description: 'the columns: rounds with such barriers' }),
    values: z
      .array(z.array(z.number().nullable()))
      .meta({ description: 'by row and round: mean over pairs; null where not measured or not finite' }),
  })
  .meta({ id: 'BarrierMatrix' })

export type BarrierMatrix = z.infer<typeof barrierMatrixSchema>

/** What a matrix needs of one record: a run's curves need not be held at once. */
export interface MatrixCell {
  readonly round: number
  /** The layer; null for the full barrier. */
  readonly layer: string | null
  /** Layers that move. */
  readonly moving: number
  readonly pair: string
  readonly height: number | null
}

/**
 * The history of barriers, layers × rounds: what figures 1 and 2 of Adilova et al. (ICLR 2024) plot. In the unit of the
 * measure: nats per example, or a fraction. Bases are joined within a pair, then pairs are averaged; one height that is
 * null makes its cell null, since a mean over what is left would hide a model that diverged. `layers` are the run's, input
 * to output.
 */
export function barrierMatrix(
  records: Iterable<BarrierRecord>,
  layers: readonly string[],
  question: MatrixQuestion,
): BarrierMatrix {
  return matrixOf(
    [...records].flatMap(record => cellsOf(record, question)),
    layers,
    question,
  )
}

/** The part of a record that the matrix needs; nothing when the question is about others. */
export function cellsOf(record: BarrierRecord, question: MatrixQuestion): readonly MatrixCell[] {
  const { round, path, layer, layers, between } = record
  if (!isAsked(record, question)) return []
  const pair = between.join('|')
  return [
    { round, layer: path === 'full' ? null : layer, moving: layers.length, pair, height: measureOf(record, question) },
  ]
}

function measureOf(record: BarrierRecord, { value, height }: MatrixQuestion): number | null {
  if (value === 'distance' || value === 'cosine') return record[value]
  return barrierHeight(curveOf(record, value), height)
}

export function matrixOf(
  cells: readonly MatrixCell[],
  layers: readonly string[],
  { path, base }: MatrixQuestion,
): BarrierMatrix {
  const rows = [null, ...rowsOf(cells, path === 'cumulative' ? [] : layers)]
  const rounds = [...new Set(cells.map(({ round }) => round))].sort((a, b) => a - b)
  const places = groupBy(cells, ({ round, layer }) => placeOf(round, layer))
  const ofPair = base === 'max' ? largest : mean
  const valueAt = (round: number, layer: string | null) => {
    const pairs = groupBy(places.get(placeOf(round, layer)) ?? [], ({ pair }) => pair)
    return mean([...pairs.values()].map(bases => ofPair(bases.map(({ height }) => height))))
  }
  return {
    rows: rows.map(layer => layer ?? 'full'),
    rounds,
    values: rows.map(layer => rounds.map(round => valueAt(round, layer))),
  }
}

function isAsked({ path, order, base, split, between }: BarrierRecord, question: MatrixQuestion): boolean {
  if (split !== question.split || kindOf(between) !== question.between) return false
  if (path === 'full') return true
  if (path !== question.path || (path === 'cumulative' && order !== question.order)) return false
  return question.base === 'mean' || question.base === 'max' || String(base) === question.base
}

/** What the two ends of a pair are. */
export function kindOf([, second]: readonly string[]): (typeof MATRIX_PAIRS)[number] {
  return second === 'global' || second === 'init' ? second : 'clients'
}

/** The layers that were measured: as the model has them, or, where that says nothing, as they joined or first came. */
function rowsOf(cells: readonly MatrixCell[], known: readonly string[]): readonly string[] {
  const ordered = known.length > 0 ? cells : cells.toSorted((a, b) => a.moving - b.moving)
  const measured = new Set(ordered.flatMap(({ layer }) => layer ?? []))
  return [...new Set([...known.filter(layer => measured.has(layer)), ...measured])]
}

function placeOf(round: number, layer: string | null): string {
  return JSON.stringify([round, layer])
}

function mean(heights: readonly (number | null)[]): number | null {
  return isMeasured(heights) ? heights.reduce((sum, height) => sum + height, 0) / heights.length : null
}

function largest(heights: readonly (number | null)[]): number | null {
  return isMeasured(heights) ? heights.reduce((most, height) => Math.max(most, height), Number.NEGATIVE_INFINITY) : null
}

function isMeasured(heights: readonly (number | null)[]): heights is readonly number[] {
  return heights.length > 0 && heights.every(height => height !== null)
}
