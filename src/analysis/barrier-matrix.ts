import { z } from 'zod'
import { type BarrierRecord, CUMULATIVE_ORDERS } from '../core/records.ts'
import { wholeNumber } from '../core/text-values.ts'
import { HEIGHT_DEFINITIONS } from './height.ts'
import { cellsOf, comparedIn, type Height, type HeightCell, heightsOfCells } from './heights.ts'

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
  probe: wholeNumber(1).optional().meta({
    description:
      'what this probe asked for, rows that were there already included; else what the rounds themselves measured and, where that is nothing, the first probe that did',
  }),
})

export type MatrixQuestion = z.infer<typeof matrixQuestion>

export const barrierMatrixSchema = z
  .object({
    rows: z.array(z.string()).meta({ description: '"full", then layers: input to output, or as they joined' }),
    rounds: z.array(z.int()).meta({ description: 'the columns: rounds with such barriers' }),
    values: z
      .array(z.array(z.number().nullable()))
      .meta({ description: 'by row and round: mean over pairs; null where not measured or not finite' }),
    pairs: z.array(z.array(z.int())).meta({ description: 'by row and round: how many pairs; 0 where not measured' }),
    probes: z
      .array(z.array(z.int().nullable()))
      .meta({ description: "by row and round: the probe that measured it afterwards; null for the round's own" }),
  })
  .meta({ id: 'BarrierMatrix' })

export type BarrierMatrix = z.infer<typeof barrierMatrixSchema>

/**
 * The history of barriers, layers × rounds: what figures 1 and 2 of Adilova et al. (ICLR 2024) plot. In the unit of the
 * measure: nats per example, or a fraction. How records become a number: `heightsOf`. `layers` are the run's, input
 * to output.
 */
export function barrierMatrix(
  records: Iterable<BarrierRecord>,
  layers: readonly string[],
  question: MatrixQuestion,
): BarrierMatrix {
  return matrixOf(matrixCells([...records], question), layers, question)
}

/** What the matrix needs of these records; nothing of those that the question is not about. */
export function matrixCells(records: readonly BarrierRecord[], question: MatrixQuestion): readonly HeightCell[] {
  return cellsOf(
    records.filter(record => isAsked(record, question)),
    question,
  )
}

export function matrixOf(
  cells: readonly HeightCell[],
  layers: readonly string[],
  { path, base }: MatrixQuestion,
): BarrierMatrix {
  const heights = heightsOfCells(cells, { base })
  const rows = [null, ...rowsOf(heights, path === 'cumulative' ? [] : layers)]
  const rounds = [...new Set(heights.map(({ round }) => round))].sort((a, b) => a - b)
  const found = new Map(heights.map(height => [cornerOf(height.round, rowOf(height)), height]))
  const table = <T>(of: (height: Height | undefined) => T) =>
    rows.map(layer => rounds.map(round => of(found.get(cornerOf(round, layer)))))
  return {
    rows: rows.map(layer => layer ?? 'full'),
    rounds,
    values: table(height => height?.value ?? null),
    pairs: table(height => height?.pairs ?? 0),
    probes: table(height => height?.probe ?? null),
  }
}

function isAsked(record: BarrierRecord, question: MatrixQuestion): boolean {
  const { path, order, split, probe } = record
  if (split !== question.split || comparedIn(record) !== question.between) return false
  if (question.probe !== undefined && probe !== question.probe) return false
  if (path === 'full') return true
  return path === question.path && (path !== 'cumulative' || order === question.order)
}

/** The layers that were measured: as the model has them, or, where that says nothing, as they joined or first came. */
function rowsOf(heights: readonly Height[], known: readonly string[]): readonly string[] {
  const ordered = known.length > 0 ? heights : heights.toSorted((a, b) => a.layers.length - b.layers.length)
  const measured = new Set(ordered.flatMap(height => rowOf(height) ?? []))
  return [...new Set([...known.filter(layer => measured.has(layer)), ...measured])]
}

function rowOf({ path, layer }: Height): string | null {
  return path === 'full' ? null : layer
}

function cornerOf(round: number, layer: string | null): string {
  return JSON.stringify([round, layer])
}
