import { stringify } from 'csv-stringify/sync'
import type { RoundRecord, UpdateRecord } from '../core/records.ts'
import { barrierRecordSchema, clientRecordSchema, metricRecordSchema, updateRecordSchema } from '../core/records.ts'
import { type MatrixQuestion, matrixCsv, readBarrierMatrix } from '../rounds/barrier-matrix.ts'
import { pagesOf } from '../rounds/pages.ts'
import type { Store } from '../rounds/ports.ts'

export const EXPORT_TABLES = ['metrics', 'barriers', 'rounds', 'updates', 'clients'] as const
export const EXPORT_FORMATS = ['csv', 'ndjson', 'json'] as const

export type ExportTable = (typeof EXPORT_TABLES)[number]
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

type Row = Readonly<Record<string, unknown>>

interface Source {
  /** Of the CSV, in order. */
  readonly columns: readonly string[]
  pages(store: Store, run: string): AsyncIterable<readonly Row[]>
}

const ROUND_COLUMNS = [
  ...[
    'round',
    'attempt',
    'engine',
    'diverged',
    'loss',
    'accuracy',
    'selected',
    'completed',
    'dropped',
    'rejected',
    'averaged',
    'durationMs',
  ],
  ...['dispatchMs', 'trainMs', 'collectMs', 'aggregateMs', 'evaluateMs', 'probeMs', 'startedAt', 'endedAt'],
]

const SOURCES: Readonly<Record<ExportTable, Source>> = {
  metrics: {
    columns: metricRecordSchema.keyof().options,
    pages: (store, run) => pagesOf(page => store.metrics(run, page)),
  },
  barriers: {
    columns: barrierRecordSchema.keyof().options,
    pages: (store, run) => pagesOf(page => store.barriers(run, page)),
  },
  rounds: { columns: ROUND_COLUMNS, pages: (store, run) => pagesOf(page => store.rounds(run, page)) },
  updates: { columns: updateRecordSchema.keyof().options, pages: updatePages },
  clients: {
    columns: clientRecordSchema.keyof().options,
    pages: (store, run) => pagesOf(page => store.clients(run, page)),
  },
}

/**
 * A table of a run as text, page after page. CSV (RFC 4180): a header, empty for null, lists as JSON in their cell, the
 * nested parts of a round as columns. NDJSON: a record a line. JSON: one list of records. Throws `run_not_found`.
 */
export async function* exportRows(
  store: Store,
  run: string,
  table: ExportTable,
  format: ExportFormat,
): AsyncGenerator<string> {
  await store.run(run) // an unknown run is an error, not an empty table
  const { columns, pages } = SOURCES[table]
  if (format === 'csv') yield csv([columns])
  if (format === 'json') yield '['
  let first = true
  for await (const rows of pages(store, run)) {
    if (rows.length === 0) continue
    if (format === 'csv')
      yield csv(rows.map(row => cellsOf(table === 'rounds' ? flat(row as RoundRecord) : row, columns)))
    else if (format === 'ndjson') yield rows.map(row => `${JSON.stringify(row)}\n`).join('')
    else yield (first ? '\n' : ',\n') + rows.map(row => JSON.stringify(row)).join(',\n')
    first = false
  }
  if (format === 'json') yield '\n]\n'
}

/** The history of barriers as text: CSV has a column for each round, NDJSON an object for each row, JSON is the matrix. */
export async function exportMatrix(
  store: Store,
  run: string,
  question: MatrixQuestion,
  format: ExportFormat,
): Promise<string> {
  const matrix = await readBarrierMatrix(store, run, question)
  if (format === 'csv') return matrixCsv(matrix)
  if (format === 'json') return `${JSON.stringify(matrix)}\n`
  const { rows, rounds, values } = matrix
  return rows.map((row, i) => `${JSON.stringify({ row, rounds, values: values[i] })}\n`).join('')
}

/** Updates are kept by round. */
async function* updatePages(store: Store, run: string): AsyncGenerator<readonly UpdateRecord[]> {
  for await (const rounds of pagesOf(page => store.rounds(run, page)))
    for (const { round } of rounds) yield* pagesOf(page => store.updates(run, round, page))
}

function flat({ clients, phases, averaged, ...round }: RoundRecord): Row {
  const times = Object.entries(phases).map(([phase, ms]) => [`${phase}Ms`, ms])
  return { ...round, ...clients, ...Object.fromEntries(times), averaged }
}

function cellsOf(row: Row, columns: readonly string[]): unknown[] {
  return columns.map(column => row[column])
}

function csv(rows: readonly (readonly unknown[])[]): string {
  return stringify(rows as unknown[][], { record_delimiter: 'windows' })
}
