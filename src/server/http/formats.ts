import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify/sync'
import { z } from 'zod'
import { FedError } from '../../core/errors.ts'

/** The formats of a list that people take away: by `?format=`, else by the Accept header. */
export const FORMATS = { json: 'application/json', csv: 'text/csv', ndjson: 'application/x-ndjson' } as const

export type Format = keyof typeof FORMATS

const NAMES = Object.keys(FORMATS) as [Format, ...Format[]]

export const formatQuery = z
  .enum(NAMES)
  .optional()
  .meta({ description: 'json answers a page; csv and ndjson stream all rows from the cursor on, limit has no effect' })

/**
 * Of `offered`, the format asked for by name, else the one that the Accept header likes best; of equal wishes the first.
 * Throws `not_acceptable` when the header rules all of them out.
 */
export function chooseFormat(
  asked: Format | undefined,
  accept: string | undefined,
  offered: readonly Format[] = NAMES,
): Format {
  if (asked !== undefined) return asked
  if (accept === undefined) return offered[0]!
  const ranges = accept.split(',').map(parseRange)
  const best = offered
    .map(name => ({ name, quality: qualityOf(FORMATS[name], ranges) }))
    .reduce((left, right) => (right.quality > left.quality ? right : left))
  if (best.quality > 0) return best.name
  throw new FedError('not_acceptable', { expected: offered.map(name => FORMATS[name]).join(', '), received: accept })
}

/**
 * Rows as text, page after page. CSV (RFC 4180): a header line, empty for null, numbers in full precision, a list as
 * JSON in its cell. NDJSON: one object a line. A row holds exactly `columns`, in that order.
 */
export function exportStream<T extends object>(
  pages: AsyncIterable<readonly T[]>,
  format: 'csv' | 'ndjson',
  columns: readonly (keyof T & string)[],
): Readable {
  return Readable.from(format === 'csv' ? csvLines(pages, columns) : jsonLines(pages, columns), { objectMode: false })
}

async function* csvLines<T extends object>(pages: AsyncIterable<readonly T[]>, columns: readonly (keyof T & string)[]) {
  yield stringify([columns], { record_delimiter: 'windows' })
  for await (const rows of pages)
    yield stringify(
      rows.map(row => columns.map(column => row[column])),
      { record_delimiter: 'windows' },
    )
}

async function* jsonLines<T extends object>(
  pages: AsyncIterable<readonly T[]>,
  columns: readonly (keyof T & string)[],
) {
  for await (const rows of pages)
    yield rows.map(row => `${JSON.stringify(Object.fromEntries(columns.map(c => [c, row[c]])))}\n`).join('')
}

interface Range {
  readonly type: string
  readonly quality: number
}

function parseRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const quality = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
  return { type, quality: quality === undefined ? 1 : Number(quality) || 0 }
}

/** The most specific range decides (RFC 9110, 12.5.1). */
function qualityOf(type: string, ranges: readonly Range[]): number {
  for (const wanted of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const range = ranges.find(candidate => candidate.type === wanted)
    if (range) return range.quality
  }
  return 0
}
