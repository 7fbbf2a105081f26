import { z } from 'zod'
import { nameText, wholeNumber } from '../../core/text-values.ts'
import { FORMATS } from './formats.ts'
import { PROBLEM_TYPE, problemSchema } from './problem.ts'

export const runParams = z.strictObject({ id: nameText(64) })
export const roundParams = runParams.extend({ round: wholeNumber(0) })

export const pageQuery = z.strictObject({
  cursor: z.string().min(1).max(500).optional().meta({ description: 'nextCursor of the page before' }),
  limit: wholeNumber(1, 1000).default(100).meta({ description: 'items of a page, 100 unless told' }),
})

export const splitFilter = z.enum(['train', 'test']).optional()
export const layerFilter = nameText(200).optional().meta({ description: 'name of a layer block' })

/** A list as it is answered: `nextCursor` is null on the last page. */
export function pageOf<S extends z.ZodType>(id: string, item: S) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id })
}

/** The answer of a list that can be had as a page of JSON, or whole as CSV or NDJSON. */
export function listResponse(page: z.ZodType): Untyped {
  const content = { [FORMATS.json]: page, [FORMATS.csv]: z.string(), [FORMATS.ndjson]: z.string() }
  return contentResponse(200, 'A page, or all rows in a file', content)
}

/** An answer without a body. */
export function emptyResponse(status: number, description: string): Untyped {
  return { [status]: z.null().meta({ description }) }
}

/** Responses that documents tell about, but that bind no handler: streams, files, and errors. */
type Untyped = Record<never, never>

/** The answer of a route by media type. */
export function contentResponse(
  status: number,
  description: string,
  content: Readonly<Record<string, z.ZodType>>,
): Untyped {
  const described = Object.entries(content).map(([media, schema]) => [media, { schema }])
  return { [status]: { description, content: Object.fromEntries(described) } }
}

export const notModified = z.null().meta({ description: 'What the caller has is still right' })

const REASONS: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'A token is missing or wrong',
  403: 'A page of another origin may not do this',
  404: 'There is no such thing',
  406: 'None of the formats asked for is available',
  409: 'The run is in a state that does not allow this',
  413: 'The body is too large',
  415: 'The body is in a format that is not read here',
  422: 'What was asked for cannot be done with this run or run file',
  429: 'Too much at a time',
  500: 'The server failed',
  503: 'The server cannot do this now',
}

export function problems(...statuses: readonly number[]): Untyped {
  const responses = statuses.map(status =>
    contentResponse(status, REASONS[status] ?? '', { [PROBLEM_TYPE]: problemSchema }),
  )
  return Object.assign({}, ...responses)
}
