import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import type { Provider } from './migration-files.ts'

export const MIGRATIONS_TABLE = '_prisma_migrations'

/** Where the two databases differ while they are migrated. */
export interface Dialect {
  /** Prisma's table, to the letter. */
  readonly createTable: string
  /** One column: the tables that are not the database's own. */
  readonly listTables: string
  /** The present as an SQL expression. */
  now(): string
  /** A migration as the statements that `run` takes. */
  split(sql: string): readonly string[]
  run(db: SqlDriverAdapter, statements: readonly string[]): Promise<void>
  /** All or none. */
  transaction(db: SqlDriverAdapter, statements: readonly string[]): Promise<void>
  /** Before the first look, and after all. */
  begin(db: SqlDriverAdapter, schema: string | null): Promise<void>
  end(db: SqlDriverAdapter): Promise<void>
}

const sqlite: Dialect = {
  createTable: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" ("id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL,
    "finished_at" DATETIME, "migration_name" TEXT NOT NULL, "logs" TEXT, "rolled_back_at" DATETIME,
    "started_at" DATETIME NOT NULL DEFAULT current_timestamp, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0)`,
  listTables: `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
  now: () => `'${new Date().toISOString().replace('Z', '+00:00')}'`,
  split: sql => [sql],
  run: (db, statements) => db.executeScript(statements.join(';\n')),
  // One script, because the driver rolls back what a script leaves open. Foreign keys are switched off before the
  // transaction, inside which the PRAGMA does nothing: Prisma rebuilds a table by dropping it, and with foreign keys on
  // that would delete every row that refers to it.
  transaction: (db, statements) =>
    db.executeScript(
      ['PRAGMA foreign_keys=OFF', 'BEGIN IMMEDIATE', ...statements, 'COMMIT', 'PRAGMA foreign_keys=ON'].join(';\n'),
    ),
  begin: async () => undefined,
  end: async () => undefined,
}

/** The number that `prisma migrate` locks, so that the two also exclude each other. */
const ADVISORY_LOCK = 72707369

const postgresql: Dialect = {
  createTable: `CREATE TABLE IF NOT EXISTS _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT,
    rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0)`,
  listTables: `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()
    ORDER BY table_name`,
  now: () => 'now()',
  // Prisma ends each statement with a semicolon at the end of a line.
  split: sql => sql.split(/;\s*$/m).filter(statement => statement.trim() !== ''),
  run: async (db, statements) => {
    for (const sql of statements) await db.executeRaw({ sql, args: [], argTypes: [] })
  },
  transaction: async (db, statements) => {
    try {
      await postgresql.run(db, ['BEGIN', ...statements, 'COMMIT'])
    } catch (thrown) {
      await postgresql.run(db, ['ROLLBACK'])
      throw thrown
    }
  },
  begin: (db, schema) =>
    postgresql.run(db, [
      `SELECT pg_advisory_lock(${ADVISORY_LOCK})`,
      ...(schema === null ? [] : [`CREATE SCHEMA IF NOT EXISTS "${schema}"`]),
    ]),
  // The connection closes next, which frees the lock in any case.
  end: db => postgresql.run(db, [`SELECT pg_advisory_unlock(${ADVISORY_LOCK})`]).catch(() => undefined),
}

export const DIALECTS: Readonly<Record<Provider, Dialect>> = { sqlite, postgresql }
