import { setImmediate } from 'node:timers/promises'
import { Sql } from '@prisma/client/runtime/client'
import type * as db from './generated/sqlite/client.ts'

export type Transaction = Parameters<Parameters<db.PrismaClient['$transaction']>[0]>[0]

/** The tables that grow by many rows at once, and their columns but for the row number. */
interface BulkTables {
  readonly Client: db.Client
  readonly Update: Omit<db.Update, 'id'>
  readonly Metric: Omit<db.Metric, 'id'>
  readonly Barrier: Omit<db.Barrier, 'id'>
  readonly KeptModel: Omit<db.KeptModel, 'id'>
}

export type BulkRow<Table extends keyof BulkTables> = BulkTables[Table]

const COLUMNS = {
  Client: ['runId', 'client', 'numTrain', 'numTest', 'labelCounts'],
  // biome-ignore format: a list of names
  Update: [
    'runId', 'round', 'client', 'status', 'reason', 'process', 'numExamples', 'trainLoss', 'trainMs', 'bytesUp',
    'bytesDown',
  ],
  Metric: ['runId', 'round', 'key', 'value', 'client', 'layer', 'split'],
  // biome-ignore format: a list of names
  Barrier: [
    'runId', 'round', 'path', 'layer', 'layers', 'order', 'base', 'between', 'split', 'interpolation', 'loss', 'error',
    'endpointLoss', 'endpointError', 'lossBarrier', 'errorBarrier', 'distance', 'cosine', 'probe',
  ],
  KeptModel: ['runId', 'round', 'client', 'file', 'sha256', 'bytes'],
} as const satisfies { readonly [Table in keyof BulkTables]: readonly (keyof BulkTables[Table])[] }

/** Rows of one INSERT: a few milliseconds, and below the parameter limits (SQLite 32,766, PostgreSQL 65,535). */
const BATCH_ROWS = 500

/**
 * Inserts rows in the order given. Plain SQL, the same for both databases: Prisma's
 * `createMany` plans each row anew and holds the thread ten times as long. SQLite works on this thread too, hence the
 * pause after each batch: a long list must not hold up the sockets.
 */
export async function insertRows<Table extends keyof BulkTables>(
  tx: Transaction,
  table: Table,
  rows: readonly BulkTables[Table][],
): Promise<void> {
  const columns: readonly (keyof BulkTables[Table] & string)[] = COLUMNS[table] as never
  const head = `INSERT INTO "${table}" (${columns.map(name => `"${name}"`).join(', ')}) VALUES (`
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    const values = rows.slice(start, start + BATCH_ROWS).flatMap(row => columns.map(name => parameter(row[name])))
    // The text between two parameters: a comma, or the end of a row.
    const between = values.slice(1).map((_, index) => ((index + 1) % columns.length === 0 ? '), (' : ', '))
    await tx.$executeRaw(new Sql([head, ...between, ')'], values))
    await setImmediate()
  }
}

/** JSON columns take text. */
function parameter(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? null)
}
