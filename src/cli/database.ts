import { existsSync } from 'node:fs'
import { FedError } from '../core/errors.ts'
import type { Store } from '../rounds/ports.ts'
import { type DatabaseOptions, describeDatabase, parseDatabase } from '../store/database-url.ts'
import { openStore } from '../store/open.ts'

/**
 * Opens a database that should have runs in it, uses it, and closes it. Throws `database_invalid` when there is none:
 * a mistyped folder must not become an empty database.
 */
export async function withStore<T>(options: DatabaseOptions, use: (store: Store) => Promise<T>): Promise<T> {
  requireDatabase(options)
  const store = await openStore(options)
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

export function requireDatabase(options: DatabaseOptions): void {
  const database = parseDatabase(options)
  if (database.provider !== 'sqlite' || existsSync(database.file)) return
  throw new FedError('database_invalid', {
    expected: describeDatabase(options),
    received: 'no such file',
    hint: 'Name its folder with --data-dir, or its address with --database-url; fedstrata simulate makes one',
  })
}
