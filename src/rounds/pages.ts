import type { Page } from './ports.ts'

/** The largest page that a store gives. */
const LIMIT = 1000

type Read<T> = (query: { readonly cursor: string | undefined; readonly limit: number }) => Promise<Page<T>>

/** A list page by page; each is read only when the one before it was taken. */
export async function* pagesOf<T>(read: Read<T>): AsyncGenerator<readonly T[]> {
  let cursor: string | undefined
  do {
    const page = await read({ cursor, limit: LIMIT })
    yield page.items
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

/** A whole list at once, for lists that a report holds anyway. */
export async function allOf<T>(read: Read<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const page of pagesOf(read)) items.push(...page)
  return items
}
