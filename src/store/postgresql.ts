import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { Store } from '../rounds/ports.ts'
import { databaseError } from './errors.ts'
import { PrismaClient } from './generated/postgresql/client.ts'
import type { PrismaClient as SqliteClient } from './generated/sqlite/client.ts'
import type { DatabaseClock } from './leases.ts'
import { migrate } from './migrate.ts'
import { prismaStore } from './prisma-store.ts'

export interface PostgresqlOptions {
  /** postgresql://…, without Prisma's `schema` parameter. */
  readonly url: string
  readonly schema: string | null
  /** For people: no password in it. */
  readonly database: string
  /** In place of the server's wall clock. */
  readonly now?: DatabaseClock
}

/**
 * The store in a PostgreSQL database, migrated if need be. Throws `database_invalid` (no answer, wrong password, no such
 * database) and `database_schema` (tables of someone else, or of a newer version).
 */
export function openPostgresql({ url, schema, database, now }: PostgresqlOptions): Promise<Store> {
  const config = {
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    ...(schema !== null && { options: `-c search_path=${schema}` }),
  }
  const options = schema === null ? undefined : { schema }
  return openPostgresqlWith({
    // One connection that never idles out: the advisory lock and the transaction belong to a session.
    migrations: new PrismaPg({ ...config, max: 1, idleTimeoutMillis: 0 }, options),
    queries: new PrismaPg(config, options),
    schema,
    database,
    ...(now && { now }),
  })
}

/** The same over any driver adapter; tests give one that runs PostgreSQL inside this process. */
export async function openPostgresqlWith({
  migrations,
  queries,
  schema = null,
  database,
  now,
}: {
  readonly migrations: SqlDriverAdapterFactory
  readonly queries: SqlDriverAdapterFactory
  readonly schema?: string | null
  readonly database: string
  /** In place of the server's wall clock. */
  readonly now?: DatabaseClock
}): Promise<Store> {
  try {
    const migration = await migrations.connect()
    try {
      await migrate(migration, 'postgresql', { schema })
    } finally {
      await migration.dispose()
    }
    // The two generated clients have the same methods but unrelated types; SQLite's is the narrower one.
    const client = new PrismaClient({ adapter: queries }) as unknown as SqliteClient
    const store = prismaStore({ writer: client, reader: client, database, now: now ?? serverClock(client) })
    await store.ping()
    return store
  } catch (thrown) {
    throw databaseError(thrown, database)
  }
}

/** Coordinators on several machines have a clock each; the server has one. */
function serverClock(client: SqliteClient): DatabaseClock {
  return async () => {
    const rows = await client.$queryRawUnsafe<{ ms: number }[]>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
    )
    return Math.round(rows[0]!.ms)
  }
}
