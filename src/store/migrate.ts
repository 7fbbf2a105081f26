import { randomUUID } from 'node:crypto'
import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import { FedError } from '../core/errors.ts'
import { DIALECTS, type Dialect, MIGRATIONS_TABLE } from './migration-dialects.ts'
import { type Migration, type Provider, readMigrations } from './migration-files.ts'

export interface MigrateOptions {
  /** PostgreSQL: made when it does not exist; the connection must already look there. */
  readonly schema?: string | null
  /** Those of this version unless given. */
  readonly migrations?: readonly Migration[]
}

interface AppliedMigration {
  readonly name: string
  readonly checksum: string
  readonly finished: boolean
}

/**
 * Brings a database to the schema of this version, with the table, the checksums and (PostgreSQL) the lock of
 * `prisma migrate deploy`, so that either can follow the other; we need no engine binary and run each migration in a
 * transaction, so that a failed one leaves nothing.
 *
 * Throws `database_schema` for a database of someone else or of a newer version, and `database_invalid` for one whose
 * last migration failed. Nothing is changed in a database that is refused.
 */
export async function migrate(
  db: SqlDriverAdapter,
  provider: Provider,
  { schema = null, migrations }: MigrateOptions = {},
): Promise<void> {
  const dialect = DIALECTS[provider]
  const known = migrations ?? (await readMigrations(provider))
  await dialect.begin(db, schema)
  try {
    for (const migration of pending(known, await history(db, dialect))) {
      await dialect.run(db, [dialect.createTable])
      await apply(db, dialect, migration)
    }
  } finally {
    await dialect.end(db)
  }
}

/** The migrations still to be applied; throws when what was applied does not belong to this version. */
function pending(migrations: readonly Migration[], applied: readonly AppliedMigration[]): readonly Migration[] {
  const failed = applied.find(({ finished }) => !finished)
  if (failed)
    throw new FedError('database_invalid', {
      expected: 'a database whose migrations are complete',
      received: `${failed.name}, which failed half-way`,
      hint: 'Restore a backup, or mend it and mark it with `prisma migrate resolve`',
    })
  const known = new Map(migrations.map(migration => [migration.name, migration]))
  for (const { name, checksum } of applied)
    if (known.get(name)?.checksum !== checksum) throw otherSchema(name, known.has(name), migrations)
  const done = new Set(applied.map(({ name }) => name))
  return migrations.filter(({ name }) => !done.has(name))
}

function otherSchema(name: string, sameName: boolean, migrations: readonly Migration[]): FedError {
  const last = migrations.at(-1)?.name ?? ''
  const newer = !sameName && name > last
  return new FedError('database_schema', {
    expected: `migrations up to ${last}`,
    received: sameName ? `another migration called ${name}` : name,
    hint: newer
      ? 'A newer FedStrata, or another program, made this database: update FedStrata, or name another database'
      : 'Another program made this database: name another one',
  })
}

/** What was applied so far; nothing in an empty database. Throws `database_schema` when others live there. */
async function history(db: SqlDriverAdapter, dialect: Dialect): Promise<readonly AppliedMigration[]> {
  const tables = (await rows(db, dialect.listTables)).map(([name]) => String(name))
  if (!tables.includes(MIGRATIONS_TABLE)) {
    if (tables.length === 0) return []
    throw new FedError('database_schema', {
      expected: 'an empty database or one of FedStrata',
      received: `tables ${tables.slice(0, 5).join(', ')}${tables.length > 5 ? ', …' : ''}`,
      hint: 'Name another database; nothing was changed in this one',
    })
  }
  const applied = await rows(
    db,
    `SELECT migration_name, checksum, CASE WHEN finished_at IS NULL THEN 0 ELSE 1 END FROM "${MIGRATIONS_TABLE}"
     WHERE rolled_back_at IS NULL ORDER BY migration_name`,
  )
  return applied.map(([name, checksum, finished]) => ({
    name: String(name),
    checksum: String(checksum),
    finished: Number(finished) === 1,
  }))
}

async function apply(db: SqlDriverAdapter, dialect: Dialect, { name, sql, checksum }: Migration): Promise<void> {
  const record = `INSERT INTO "${MIGRATIONS_TABLE}"
    (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
    VALUES ('${randomUUID()}', '${checksum}', '${name}', ${dialect.now()}, ${dialect.now()}, 1)`
  try {
    await dialect.transaction(db, [...dialect.split(sql), record])
  } catch (thrown) {
    // Two processes that open a new file at once: the slower one finds the tables made.
    const applied = await history(db, dialect)
    if (!applied.some(other => other.name === name && other.checksum === checksum && other.finished)) throw thrown
  }
}

async function rows(db: SqlDriverAdapter, sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await db.queryRaw({ sql, args: [], argTypes: [] })).rows
}
