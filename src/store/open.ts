import type { Store } from '../rounds/ports.ts'
import { type DatabaseOptions, describeDatabase, parseDatabase } from './database-url.ts'

/**
 * The store that `databaseUrl` names, its tables made or brought up to date. Throws `input_invalid` (no such kind of
 * database), `database_invalid` and `database_schema`. Each driver is loaded only when it is needed.
 */
export async function openStore(options: DatabaseOptions): Promise<Store> {
  const database = parseDatabase(options)
  if (database.provider === 'sqlite') {
    const { openSqlite } = await import('./sqlite.ts')
    return openSqlite({ file: database.file })
  }
  const { openPostgresql } = await import('./postgresql.ts')
  return openPostgresql({ ...database, database: describeDatabase(options) })
}
