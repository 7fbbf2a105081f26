import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { memoryStore } from '../../src/store/memory-store.ts'
import { openStore } from '../../src/store/open.ts'
import { openPostgresql, openPostgresqlWith } from '../../src/store/postgresql.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { readAll, refuses, storeContract } from './contract.ts'
import { commitOf, newRun } from './samples.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'fedstrata-store-'))
after(() => rmSync(dataDir, { recursive: true, force: true }))

storeContract('memory', async now => memoryStore(now))

storeContract('SQLite', now => openSqlite({ file: join(dataDir, 'fedstrata.db'), now }))

/** PostgreSQL compiled to WebAssembly; one connection, as it has one session. */
storeContract('PostgreSQL in process', async now => {
  const server = new PGlite()
  const factory = new PrismaPGlite(server)
  const store = await openPostgresqlWith({
    migrations: factory,
    queries: factory,
    database: 'PostgreSQL in process',
    now,
  })
  return { ...store, close: () => store.close().then(() => server.close()) }
})

const url = process.env['FEDSTRATA_TEST_POSTGRESQL']
const skip = url === undefined && 'set FEDSTRATA_TEST_POSTGRESQL to an empty PostgreSQL database'
describe('a PostgreSQL server', { skip }, () => {
  const databaseUrl = `${url}?schema=fedstrata_test_${process.pid}`
  storeContract('PostgreSQL', now =>
    openPostgresql({ url: url ?? '', schema: `fedstrata_test_${process.pid}`, database: 'PostgreSQL', now }),
  )

  test('processes that open a new schema at once all get it', async () => {
    const fresh = `${databaseUrl}_b`
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ databaseUrl: fresh, dataDir })))
    await stores[0]?.createRun(newRun('shared'))
    for (const store of stores) assert.equal((await store.run('shared')).id, 'shared')
    // Two coordinators, one run: the row lock lets one of them win.
    const outcomes = await Promise.allSettled(stores.map(store => store.commitRound('shared', commitOf(1))))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') refuses('run_conflict')(outcome.reason)
    await Promise.all(stores.map(store => store.close()))
  })
})

describe('SQLite', () => {
  test('tells how many writes wait for the database, failed ones too until they have failed', async () => {
    const store = await openStore({ databaseUrl: `file:${join(dataDir, 'queued.db')}`, dataDir })
    await store.createRun(newRun('a'))
    assert.equal(await store.queuedWrites(), 0)
    const writes = [1, 2, 2].map(round => store.commitRound('a', commitOf(round)))
    const waiting = store.queuedWrites()
    const outcomes = await Promise.allSettled(writes)
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    assert.deepEqual([await waiting, await store.queuedWrites()], [3, 0])
    await store.close()
  })

  test('opened again shows everything that was there', async () => {
    const databaseUrl = `file:${join(dataDir, 'again', 'with space #1.db')}`
    const first = await openStore({ databaseUrl, dataDir })
    await first.createRun(newRun('a'))
    for (const round of [1, 2, 3]) await first.commitRound('a', commitOf(round))
    const before = await everything(first)
    const second = await openStore({ databaseUrl, dataDir })
    assert.deepEqual(await everything(second), before, 'even while the first is open')
    await first.close()
    await second.commitRound('a', commitOf(4))
    await assert.rejects(second.commitRound('a', commitOf(4)), refuses('run_conflict'))
    await second.close()
  })

  test('after close the file is complete without its log', async () => {
    const file = join(dataDir, 'original.db')
    const store = await openStore({ databaseUrl: file, dataDir })
    await store.createRun(newRun('a'))
    for (const round of [1, 2, 3]) await store.commitRound('a', commitOf(round))
    const before = await everything(store)
    await store.close()
    copyFileSync(file, join(dataDir, 'copy.db'))
    const copy = await openStore({ databaseUrl: join(dataDir, 'copy.db'), dataDir })
    assert.deepEqual(await everything(copy), before)
    await copy.close()
  })

  test('two processes can open a new file at once and share it', async () => {
    const databaseUrl = join(dataDir, 'shared.db')
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ databaseUrl, dataDir })))
    await Promise.all(stores.map((store, index) => store.createRun(newRun(`run-${index}`))))
    for (const store of stores) assert.equal((await store.runs({ limit: 10 })).items.length, 3)
    await Promise.all(stores.map(store => store.close()))
  })

  test('close waits for the writes that were asked for, and later calls are refused', async () => {
    const databaseUrl = join(dataDir, 'closing.db')
    const store = await openStore({ databaseUrl, dataDir })
    await store.createRun(newRun('a'))
    const commit = store.commitRound('a', commitOf(1))
    await store.close()
    await commit
    const again = await openStore({ databaseUrl, dataDir })
    assert.equal((await again.run('a')).finalRound, 1)
    await again.close()
  })

  test('a process that is killed while it commits leaves whole rounds only', async () => {
    const databaseUrl = join(dataDir, 'killed.db')
    const script = fileURLToPath(new URL('./committer.js', import.meta.url))
    const child = spawn(process.execPath, [script, databaseUrl, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
    const reported: number[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      reported.push(Number(line))
      if (reported.length === 3) child.kill('SIGKILL')
    }
    const store = await openStore({ databaseUrl, dataDir })
    const { finalRound } = await store.run('a')
    assert.ok(finalRound >= (reported.at(-1) ?? 0) && finalRound >= 3, 'what was reported is there')
    for (let round = 1; round <= finalRound; round++) {
      const metrics = await readAll(page => store.metrics('a', { from: round, to: round, ...page }), 1000)
      assert.equal(metrics.length, 2000)
      assert.equal((await store.updates('a', round, { limit: 10 })).items.length, 2)
    }
    assert.equal((await store.latestCheckpoint('a'))?.round, finalRound)
    assert.equal((await store.metrics('a', { from: finalRound + 1, limit: 1 })).items.length, 0)
    await store.commitRound('a', commitOf(finalRound + 1))
    await store.close()
  })

  test('many transactions leave no file open', { skip: process.platform !== 'linux' && 'reads /proc' }, async () => {
    const store = await openStore({ databaseUrl: join(dataDir, 'files.db'), dataDir })
    await store.createRun(newRun('a'))
    await store.commitRound('a', commitOf(1))
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for (let round = 2; round <= 40; round++) await store.commitRound('a', commitOf(round))
    // libsql's own transactions leak two descriptors each, 78 here.
    assert.ok(open() <= before + 5, `${before} → ${open()}`)
    await store.close()
  })
})

async function everything(store: Awaited<ReturnType<typeof openStore>>): Promise<unknown> {
  return {
    runs: (await store.runs({ limit: 10 })).items,
    file: await store.runFile('a'),
    rounds: await readAll(page => store.rounds('a', page), 2),
    metrics: await readAll(page => store.metrics('a', page), 10),
    barriers: await readAll(page => store.barriers('a', page), 10),
    updates: await readAll(page => store.updates('a', 2, page), 10),
    checkpoint: await store.latestCheckpoint('a'),
  }
}
