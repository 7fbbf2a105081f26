import { FedError } from '../core/errors.ts'
import type { Page, PageQuery } from '../rounds/ports.ts'

/** The lists of a store; a cursor of one means nothing to another. */
export type ListName = 'runs' | 'rounds' | 'updates' | 'metrics' | 'barriers' | 'models' | 'probes' | 'clients'

/** Where a page ended: the sort key of its last row, so that rows added later cannot shift what follows. */
export type Position = readonly number[]

const MAX_LIMIT = 1000

/** The page of `rows`, which were read one further than `limit` to learn whether more follow. */
export function pageOf<Row, T>(
  list: ListName,
  rows: readonly Row[],
  limit: number,
  toRecord: (row: Row) => T,
  positionOf: (row: Row) => Position,
): Page<T> {
  const kept = rows.slice(0, limit)
  const last = kept.at(-1)
  const nextCursor = rows.length > limit && last !== undefined ? encodeCursor(list, positionOf(last)) : null
  return { items: kept.map(toRecord), nextCursor }
}

/**
 * What a query asks: the position to go on after (null: from the start) and the limit. Throws `input_invalid` for a
 * cursor that this list never gave out and for a limit outside 1 … 1000.
 */
export function readPage(
  list: ListName,
  { cursor, limit }: PageQuery,
): { readonly after: Position | null; readonly limit: number } {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new FedError('input_invalid', { expected: `a limit from 1 to ${MAX_LIMIT}`, received: String(limit) })
  return { after: cursor === undefined ? null : decodeCursor(list, cursor), limit }
}

/** Numbers in a position: updates, metrics, barriers and models go by round, then by row. */
const POSITION_LENGTH = {
  runs: 1,
  rounds: 1,
  clients: 1,
  probes: 1,
  updates: 2,
  metrics: 2,
  barriers: 2,
  models: 2,
} as const

function encodeCursor(list: ListName, after: Position): string {
  return Buffer.from(JSON.stringify({ list, after })).toString('base64url')
}

function decodeCursor(list: ListName, cursor: string): Position {
  try {
    const content = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as { list: unknown; after: unknown }
    const { after } = content
    if (
      content.list === list &&
      Array.isArray(after) &&
      after.length === POSITION_LENGTH[list] &&
      after.every(part => Number.isInteger(part) && Math.abs(part) < 2 ** 31)
    )
      return after
  } catch {
    // Falls through: whatever is wrong with it, the answer is the same.
  }
  throw new FedError('input_invalid', {
    expected: `a cursor that a page of ${list} returned as nextCursor`,
    received: JSON.stringify(cursor.slice(0, 60)),
  })
}
