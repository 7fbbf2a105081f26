import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FedError } from '../core/errors.ts'
import { inHome } from '../core/home-path.ts'

export interface DatabaseOptions {
  /** `file:…` or a path: SQLite. `postgresql://…`: PostgreSQL. Nothing: fedstrata.db in the data directory. */
  readonly databaseUrl?: string | undefined
  readonly dataDir: string
}

export type Database =
  | { readonly provider: 'sqlite'; readonly file: string }
  | { readonly provider: 'postgresql'; readonly url: string; readonly schema: string | null }

/** Which database is meant. Throws `input_invalid` for any other kind of address. */
export function parseDatabase({ databaseUrl, dataDir }: DatabaseOptions): Database {
  const text = databaseUrl?.trim() ?? ''
  if (text === '') return { provider: 'sqlite', file: resolve(join(dataDir, 'fedstrata.db')) }
  if (/^postgres(ql)?:\/\//i.test(text)) return parsePostgresql(text)
  if (text.includes(':memory:')) throw unknownDatabase(text, 'SQLite in memory would not survive the run: name a file')
  // A single letter before the colon is a Windows drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return { provider: 'sqlite', file: resolve(inHome(text, homedir())) }
  if (scheme === 'file') return { provider: 'sqlite', file: parseFile(text) }
  throw unknownDatabase(text)
}

/** For people and logs: the kind of database and where it is, never its password. */
export function describeDatabase(options: DatabaseOptions): string {
  const database = parseDatabase(options)
  if (database.provider === 'sqlite') return `SQLite ${database.file}`
  const { hostname, port, pathname } = new URL(database.url)
  const schema = database.schema === null ? '' : `, schema ${database.schema}`
  return `PostgreSQL ${hostname || 'localhost'}:${port || '5432'}${pathname}${schema}`
}

function parsePostgresql(text: string): Database {
  if (!URL.canParse(text)) throw unknownDatabase('postgresql://…')
  const url = new URL(text)
  // Prisma's own parameter, which the driver does not know.
  const schema = url.searchParams.get('schema')
  url.searchParams.delete('schema')
  if (schema !== null && !/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema))
    throw new FedError('input_invalid', { expected: 'a schema named by letters, digits and _', received: schema })
  return { provider: 'postgresql', url: url.href, schema }
}

/** `file:///absolute` is a URL with escapes; `file:relative` and `file:/absolute` are, as in Prisma, plain paths. */
function parseFile(text: string): string {
  const path = text.slice('file:'.length).replace(/\?.*$/, '')
  if (path === '') throw unknownDatabase(text)
  if (!path.startsWith('//')) return resolve(inHome(path, homedir()))
  try {
    return fileURLToPath(`file:${path}`)
  } catch {
    throw unknownDatabase(text)
  }
}

function unknownDatabase(text: string, hint?: string): FedError {
  return new FedError('input_invalid', {
    expected: 'file:PATH, a path, or postgresql://USER:PASSWORD@HOST/DATABASE as the database',
    received: withoutPassword(text),
    ...(hint !== undefined && { hint }),
  })
}

function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//…@')
}
