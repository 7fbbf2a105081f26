import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Page } from '../../rounds/ports.ts'

/** A page as a body; the Link header names the next one (RFC 8288). */
export function linked<T>(page: Page<T>, request: FastifyRequest, reply: FastifyReply) {
  if (page.nextCursor !== null) reply.header('link', `<${nextUrl(request.url, page.nextCursor)}>; rel="next"`)
  return { items: [...page.items], nextCursor: page.nextCursor }
}

/** The pages of a list, from `first` on; each is read only when the one before it was taken. */
export async function* pagesFrom<T>(
  first: Page<T>,
  read: (cursor: string) => Promise<Page<T>>,
): AsyncGenerator<readonly T[]> {
  yield first.items
  for (let cursor = first.nextCursor; cursor !== null; ) {
    const page = await read(cursor)
    yield page.items
    cursor = page.nextCursor
  }
}

function nextUrl(url: string, cursor: string): string {
  const [path = '', query = ''] = url.split('?')
  const search = new URLSearchParams(query)
  search.set('cursor', cursor)
  return `${path}?${search}`
}
