import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import type { FedError } from '../../src/core/errors.ts'
import { migrate } from '../../src/store/migrate.ts'
import { readMigrations } from '../../src/store/migration-files.ts'
import { openStore } from '../../src/store/open.ts'
import { openPostgresqlWith } from '../../src/store/postgresql.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { refuses } from './contract.ts'
import { commitOf, newRun } from './samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'fedstrata-bad-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const connect = (file: string) => new PrismaLibSql({ url: `file:${file}`, timeout: 0 }).connect()

/** Runs a script on a file, as another program would. */
async function script(file: string, sql: string): Promise<void> {
  const db = await connect(file)
  await db.executeScript(`${sql}; PRAGMA wal_checkpoint(TRUNCATE)`)
  await db.dispose()
}

const open = (file: string) => openStore({ databaseUrl: file, dataDir: folder })

async function makeDatabase(file: string): Promise<void> {
  const store = await open(file)
  await store.createRun(newRun('a'))
  await store.commitRound('a', commitOf(1))
  await store.close()
}

describe('a database that is not ours', () => {
  test('with tables of another program is refused and left alone', async () => {
    const file = join(folder, 'other.db')
    await script(
      file,
      'CREATE TABLE songs (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO songs VALUES (1, $$x$$)'.replaceAll(
        '$$',
        "'",
      ),
    )
    const before = readFileSync(file)
    await assert.rejects(open(file), (thrown: unknown) => {
      refuses('database_schema')(thrown)
      return (thrown as FedError).message.includes('songs')
    })
    assert.ok(readFileSync(file).equals(before))
  })

  const histories = [
    ['of a newer version', `UPDATE _prisma_migrations SET migration_name = '9999_future'`, 'database_schema', 'newer'],
    [
      'of another program',
      `UPDATE _prisma_migrations SET migration_name = '0000_blog'`,
      'database_schema',
      '0000_blog',
    ],
    ['with an edited migration', `UPDATE _prisma_migrations SET checksum = '00'`, 'database_schema', '0001_init'],
    ['with a failed migration', 'UPDATE _prisma_migrations SET finished_at = NULL', 'database_invalid', '0001_init'],
  ] as const
  for (const [name, sql, code, word] of histories)
    test(`${name} is refused and left alone`, async () => {
      const file = join(folder, `${name}.db`)
      await makeDatabase(file)
      await script(file, sql)
      const before = readFileSync(file)
      await assert.rejects(open(file), (thrown: unknown) => refuses(code)(thrown) && String(thrown).includes(word))
      assert.ok(readFileSync(file).equals(before))
    })

  test('a migration that was rolled back does not count', async () => {
    const file = join(folder, 'rolled-back.db')
    await makeDatabase(file)
    await script(
      file,
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at) VALUES ('1', '00', '0002_x', '2026-01-01')`,
    )
    await (await open(file)).close()
  })

  test('no SQLite file at all, a damaged one, or a folder is database_invalid, and nothing is overwritten', async () => {
    const text = join(folder, 'notes.txt')
    writeFileSync(text, 'remember the milk, and more than one page of it\n'.repeat(200))
    const damaged = join(folder, 'damaged.db')
    writeFileSync(damaged, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(5000, 0xa5)]))
    for (const file of [text, damaged]) {
      const before = readFileSync(file)
      await assert.rejects(open(file), refuses('database_invalid'), file)
      assert.ok(readFileSync(file).equals(before))
    }
    mkdirSync(join(folder, 'folder.db'))
    await assert.rejects(open(join(folder, 'folder.db')), refuses('database_invalid'))
    await assert.rejects(open(join(text, 'below-a-file.db')), refuses('database_invalid'))
  })

  test('an empty file becomes a database', async () => {
    const file = join(folder, 'empty.db')
    writeFileSync(file, '')
    await (await open(file)).close()
  })

  test('in PostgreSQL with tables of another program is refused', async () => {
    const server = new PGlite()
    await server.exec('CREATE TABLE songs (id INTEGER)')
    const factory = new PrismaPGlite(server)
    await assert.rejects(
      openPostgresqlWith({ migrations: factory, queries: factory, database: 'PostgreSQL in process' }),
      (thrown: unknown) => refuses('database_schema')(thrown) && String(thrown).includes('songs'),
    )
    await server.close()
  })

  test('a PostgreSQL server that does not answer is database_invalid, without the password', async () => {
    await assert.rejects(
      openStore({ databaseUrl: 'postgresql://me:hunter2@127.0.0.1:1/fed', dataDir: folder }),
      (thrown: unknown) => refuses('database_invalid')(thrown) && !JSON.stringify(thrown).includes('hunter2'),
    )
  })
})

describe('a database that another process holds', () => {
  test('cannot be opened while locked, and can afterwards', async () => {
    const file = join(folder, 'locked.db')
    // Not in WAL mode yet: an exclusive lock keeps readers out.
    await script(file, 'CREATE TABLE x (id INTEGER); DROP TABLE x')
    const other = await connect(file)
    await other.executeRaw({ sql: 'BEGIN EXCLUSIVE', args: [], argTypes: [] })
    await assert.rejects(openSqlite({ file, busyTimeoutMs: 1 }), (thrown: unknown) => {
      refuses('database_invalid')(thrown)
      return String(thrown).includes('Another process')
    })
    await other.executeRaw({ sql: 'ROLLBACK', args: [], argTypes: [] })
    await other.dispose()
    await (await open(file)).close()
  })

  test('refuses a commit but answers reads, and takes the commit when asked again', async () => {
    const file = join(folder, 'busy.db')
    await makeDatabase(file)
    const store = await openSqlite({ file, busyTimeoutMs: 1 })
    const other = await connect(file)
    await other.executeRaw({ sql: 'BEGIN IMMEDIATE', args: [], argTypes: [] })
    await assert.rejects(store.commitRound('a', commitOf(2)), (thrown: unknown) => {
      refuses('database_invalid')(thrown)
      return String(thrown).includes('Another process')
    })
    assert.equal((await store.run('a')).finalRound, 1)
    await other.executeRaw({ sql: 'ROLLBACK', args: [], argTypes: [] })
    await other.dispose()
    await store.commitRound('a', commitOf(2))
    assert.equal((await store.round('a', 2)).round, 2)
    await store.close()
  })
})

describe('a later migration', () => {
  const rename = { name: '9999_rename', checksum: 'b'.repeat(64) }
  /** As Prisma writes them for SQLite: the table is rebuilt and the old one dropped. */
  const rebuild = `
    PRAGMA defer_foreign_keys=ON;
    PRAGMA foreign_keys=OFF;
    CREATE TABLE "new_Run" AS SELECT * FROM "Run";
    DROP TABLE "Run";
    ALTER TABLE "new_Run" RENAME TO "Run";
    PRAGMA foreign_keys=ON;
    PRAGMA defer_foreign_keys=OFF;`

  const upgrade = async (file: string, sql: string) => {
    const db = await connect(file)
    try {
      await migrate(db, 'sqlite', { migrations: [...(await readMigrations('sqlite')), { ...rename, sql }] })
    } finally {
      await db.dispose()
    }
  }

  const count = async (file: string, table: string): Promise<number> => {
    const db = await connect(file)
    const { rows } = await db.queryRaw({ sql: `SELECT count(*) FROM "${table}"`, args: [], argTypes: [] })
    await db.dispose()
    return Number(rows[0]?.[0])
  }

  test('rebuilds a table without deleting what refers to it', async () => {
    const file = join(folder, 'upgraded.db')
    await makeDatabase(file)
    await upgrade(file, rebuild)
    await upgrade(file, rebuild)
    assert.equal(await count(file, 'Metric'), commitOf(1).metrics.length)
    assert.equal(await count(file, '_prisma_migrations'), (await readMigrations('sqlite')).length + 1)
    await assert.rejects(open(file), refuses('database_schema'), 'the older version no longer opens it')
  })

  test('that fails leaves nothing, so that it can be tried again', async () => {
    const file = join(folder, 'failing.db')
    await makeDatabase(file)
    await assert.rejects(upgrade(file, `${rebuild}\nALTER TABLE "Nothing" ADD COLUMN x TEXT;`))
    assert.equal(await count(file, '_prisma_migrations'), (await readMigrations('sqlite')).length)
    const store = await open(file)
    assert.equal((await store.metrics('a', { limit: 100 })).items.length, commitOf(1).metrics.length)
    await store.close()
    await upgrade(file, rebuild)
    assert.equal(await count(file, '_prisma_migrations'), (await readMigrations('sqlite')).length + 1)
  })
})
