import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Page } from '../../rounds/ports.ts'
import { chooseFormat, exportStream, FORMATS, type Format } from './formats.ts'
import { linked, pagesFrom } from './paging.ts'

/** Rows of a page when all of them are read. */
const EXPORT_PAGE = 1000

interface ListQuery {
  readonly format?: Format | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

interface ListRequest {
  readonly request: FastifyRequest<{ Querystring: ListQuery }>
  readonly reply: FastifyReply
  /** `<name>.csv` is what a browser calls the file. */
  readonly name: string
}

/**
 * A list in the format that was asked for: a page of JSON, or all rows as CSV or NDJSON, read page by page as fast as the
 * caller takes them. The first page is read before the answer begins, so that its errors still have a status.
 */
export async function sendList<T extends object>(
  { request, reply, name }: ListRequest,
  columns: readonly (keyof T & string)[],
  read: (page: { readonly cursor?: string | undefined; readonly limit: number }) => Promise<Page<T>>,
): Promise<{ items: T[]; nextCursor: string | null } | FastifyReply> {
  const format = chooseFormat(request.query.format, request.headers.accept)
  reply.header('vary', 'accept')
  if (format === 'json') return linked(await read(request.query), request, reply)
  const first = await read({ cursor: request.query.cursor, limit: EXPORT_PAGE })
  reply
    .type(`${FORMATS[format]}; charset=utf-8`)
    .header('content-disposition', `attachment; filename="${name}.${format}"`)
  if (request.method === 'HEAD') return reply.send()
  const pages = pagesFrom(first, cursor => read({ cursor, limit: EXPORT_PAGE }))
  return reply.send(exportStream(pages, format, columns))
}
