import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { FedError } from '../core/errors.ts'
import type { Store } from '../rounds/ports.ts'
import { databaseError } from './errors.ts'
import { PrismaClient } from './generated/sqlite/client.ts'
import type { DatabaseClock } from './leases.ts'
import { migrate } from './migrate.ts'
import { PATIENCE_MS } from './patience.ts'
import { prismaStore } from './prisma-store.ts'

export interface SqliteOptions {
  readonly file: string
  /** How long to wait for another process that writes, milliseconds; a minute when left out. */
  readonly busyTimeoutMs?: number
  /** In place of this machine's wall clock: whoever opens the file is on this machine. */
  readonly now?: DatabaseClock
}

/** The driver blocks the thread while it waits for a lock, so it gives up soon, and the queue of writes waits instead. */
const DRIVER_TIMEOUT_MS = 20

/** Before anything else runs the thread may be blocked. */
const OPENING_TIMEOUT_MS = 5000

/**
 * The store in a SQLite file, made and migrated if need be. Writes go through one connection and reads through
 * another: in WAL mode a reader sees the last complete round while the next one is being written. Throws
 * `database_invalid` (no SQLite file, locked, not writable) and `database_schema` (another or a newer schema).
 */
export async function openSqlite({ file, busyTimeoutMs = PATIENCE_MS, now }: SqliteOptions): Promise<Store> {
  const database = `SQLite ${file}`
  try {
    await requireSqliteFile(file)
    const { href: url } = pathToFileURL(file)
    const opening = { url, timeout: Math.min(busyTimeoutMs, OPENING_TIMEOUT_MS) }
    const config = { url, timeout: Math.min(busyTimeoutMs, DRIVER_TIMEOUT_MS) }
    // The plain adapter: ours switches the file to WAL mode, and a file that is refused must stay as it was.
    const migration = await new PrismaLibSql(opening).connect()
    try {
      await migrate(migration, 'sqlite')
    } finally {
      await migration.dispose()
    }
    const connect = () => new PrismaClient({ adapter: new PrismaEmbeddedSqlite(config) })
    const [writer, reader] = [connect(), connect()]
    // The driver closes without it, and whoever then copies the file alone would copy an old state.
    const beforeClose = () => writer.$queryRawUnsafe('PRAGMA wal_checkpoint(TRUNCATE)')
    const store = prismaStore({ writer, reader, database, now, beforeClose, patienceMs: busyTimeoutMs })
    await store.ping()
    return store
  } catch (thrown) {
    throw databaseError(thrown, database)
  }
}

/** Absent or empty files are made into databases; anything else must say that it is one. */
async function requireSqliteFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const handle = await open(file, 'a+')
  try {
    const wanted = 'SQLite format 3\0'
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted.length), 0, wanted.length, 0)
    if (bytesRead > 0 && buffer.toString('latin1') !== wanted)
      throw new FedError('database_invalid', {
        expected: `a SQLite database at ${file}`,
        received: 'a file of another kind',
        hint: 'Name another file; nothing was changed in this one',
      })
  } finally {
    await handle.close()
  }
}

/** NORMAL: a killed process loses nothing; after a power cut the last rounds may be missing, never half there. */
const PRAGMAS = 'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;'

/**
 * libsql for local files. Its own transactions open a connection each that is never closed (libsql-client-ts #350: two
 * file descriptors a transaction) and forget every PRAGMA; here a transaction stays on the one connection, which is
 * sound because the adapter lets nothing else through until it ends. BEGIN IMMEDIATE waits for the write lock at the
 * start, where waiting is harmless; a deferred transaction fails at once when it has to upgrade its read lock.
 */
export class PrismaEmbeddedSqlite extends PrismaLibSql {
  override async connect(): ReturnType<PrismaLibSql['connect']> {
    const adapter = await super.connect()
    try {
      await adapter.executeScript(PRAGMAS)
    } catch (thrown) {
      await adapter.dispose()
      throw thrown
    }
    return adapter
  }

  override createClient(config: Parameters<PrismaLibSql['createClient']>[0]): Client {
    const client = super.createClient(config)
    const execute = client.execute.bind(client)
    let inTransaction = false
    // A statement that finds the database locked stays unfinished in the driver until the garbage collector comes, and
    // lets no COMMIT through: "SQL statements in progress". Only a new connection is rid of it.
    const recover = async (): Promise<void> => {
      inTransaction = false
      await client.reconnect()
      await client.executeMultiple(PRAGMAS)
    }
    client.execute = async (...given: Parameters<Client['execute']>) => {
      try {
        return await execute(...given)
      } catch (thrown) {
        if (isBusy(thrown) && !inTransaction) await recover()
        throw thrown
      }
    }
    client.transaction = async () => {
      await client.execute('BEGIN IMMEDIATE')
      inTransaction = true
      return transactionOn(client, async outcome => {
        inTransaction = false
        if (outcome === 'stuck') await recover()
      })
    }
    return client
  }
}

type Client = ReturnType<PrismaLibSql['createClient']>
type Transaction = Awaited<ReturnType<Client['transaction']>>

function transactionOn(client: Client, ended: (outcome: 'done' | 'stuck') => Promise<void>): Transaction {
  let closed = false
  const end = async (sql: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
    if (closed) return
    closed = true
    try {
      await client.execute(sql)
      await ended('done')
    } catch (thrown) {
      // A COMMIT that fails (disk full) leaves the transaction open on the shared connection.
      if (sql === 'COMMIT') await client.execute('ROLLBACK').catch(() => undefined)
      await ended('stuck')
      throw thrown
    }
  }
  return {
    execute: (statement: Parameters<Transaction['execute']>[0]) => client.execute(statement),
    batch: statements => client.batch(statements),
    executeMultiple: sql => client.executeMultiple(sql),
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
    close: () => void end('ROLLBACK').catch(() => undefined),
    get closed() {
      return closed
    },
  }
}

function isBusy(thrown: unknown): boolean {
  return (thrown as { code?: unknown } | null)?.code === 'SQLITE_BUSY'
}
