import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import type { ErrorCode } from '../../src/core/errors.ts'
import { FedError } from '../../src/core/errors.ts'
import type { MetricRecord, RunStatus } from '../../src/core/records.ts'
import { LEASE_MS } from '../../src/rounds/lease-ports.ts'
import type { BarrierQuery, Page, PageQuery, Store } from '../../src/rounds/ports.ts'
import type { DatabaseClock } from '../../src/store/leases.ts'
import {
  barrierRecord,
  checkpointRecord,
  commitOf,
  HOLDER,
  metricRecord,
  newRun,
  roundRecord,
  updateRecord,
} from './samples.ts'

export const refuses = (code: ErrorCode) => (thrown: unknown) => {
  assert.ok(thrown instanceof FedError, String(thrown))
  assert.equal(thrown.code, code, thrown.message)
  return true
}

/** Follows the cursors to the end; `between` runs after each page. */
export async function readAll<T>(
  read: (query: PageQuery) => Promise<Page<T>>,
  limit: number,
  between: (pages: number) => Promise<unknown> = async () => undefined,
): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  for (let pages = 1; ; pages++) {
    const page = await read({ cursor, limit })
    assert.ok(page.items.length <= limit)
    items.push(...page.items)
    if (page.nextCursor === null) return items
    assert.equal(page.items.length, limit, 'only the last page is short')
    cursor = page.nextCursor
    await between(pages)
  }
}

/** A coordinator on another machine: all that is known of it is its last beat. */
const FAR = { id: 'far', name: 'process 1 on far', process: null }

/** What every store does; `make` gives an empty one that goes by the clock. */
export function storeContract(name: string, make: (now: DatabaseClock) => Promise<Store>): void {
  describe(`${name}: the contract of a store`, () => {
    let store: Store
    let runs = 0
    /** Where the database's clock stands, or null while it goes. */
    let stopped: number | null = null
    /** A run of its own for each test, so that they can share one database. */
    const open = async (): Promise<string> => (await store.createRun(newRun(`run-${++runs}`))).id
    before(async () => {
      store = await make(async () => stopped ?? Date.now())
    })
    after(() => store.close())

    test('a new run waits, with nothing known yet', async () => {
      const from = Date.now()
      const record = await store.createRun(newRun('fresh'))
      assert.ok(Date.parse(record.createdAt) >= from && Date.parse(record.createdAt) <= Date.now())
      assert.deepEqual(record, {
        ...{ id: 'fresh', name: 'run fresh', status: 'waiting', seed: 2 ** 53 - 1, rounds: 5, finalRound: 0 },
        ...{ engine: null, dataSha256: null, modelSourceSha256: null, parameters: null, layers: [] },
        ...{ error: null, startedAt: null, endedAt: null },
        createdAt: record.createdAt,
      })
      assert.deepEqual(await store.run('fresh'), record)
      assert.deepEqual(await store.runFile('fresh'), newRun('fresh').runFile)
      assert.deepEqual(Object.keys((await store.runFile('fresh')) as object), ['name', 'strategy', 'z', 'a'])
      assert.equal(await store.joinTokenHash('fresh'), 'ab'.repeat(32))
      await assert.rejects(store.createRun(newRun('fresh')), refuses('run_conflict'))
    })

    test('a patch changes what it names and nothing else', async () => {
      const id = await open()
      const created = await store.run(id)
      const known = {
        ...{
          status: 'running' as const,
          engine: 'wasm',
          parameters: 3 * 2 ** 31,
          dataSha256: 'cd'.repeat(32),
          modelSourceSha256: 'ef'.repeat(32),
        },
        ...{ layers: [{ name: 'fc1', size: 10 }], startedAt: '2026-01-02T03:04:05.006Z' },
      }
      assert.deepEqual(await store.updateRun(id, known), { ...created, ...known })
      const ended = {
        ...{ status: 'failed' as const, endedAt: '2026-01-02T03:05:00.000Z' },
        error: { code: 'quorum_missed', message: 'Too few clients completed the round: expected 5, got 4' },
      }
      assert.deepEqual(await store.updateRun(id, ended), { ...created, ...known, ...ended })
      const resumed = { status: 'running' as const, error: null, endedAt: null }
      await store.updateRun(id, { ...resumed, joinTokenHash: 'ff' })
      assert.deepEqual(await store.run(id), { ...created, ...known, ...resumed })
      assert.equal(await store.joinTokenHash(id), 'ff')
      const moved = { ...((await store.runFile(id)) as object), data: { name: 'mnist', dir: '/elsewhere' } }
      await store.updateRun(id, { runFile: moved })
      assert.deepEqual(await store.runFile(id), moved)
      assert.deepEqual(await store.run(id), { ...created, ...known, ...resumed })
    })

    test('an unknown run is run_not_found everywhere, an unknown round round_not_found', async () => {
      const page = { limit: 10 }
      const calls = [
        () => store.updateRun('none', { status: 'running' }),
        () => store.lease('none'),
        () => store.releaseRun('none', HOLDER.id),
        () => store.saveClients('none', []),
        () => store.commitRound('none', commitOf(1)),
        () => store.run('none'),
        () => store.runFile('none'),
        () => store.joinTokenHash('none'),
        () => store.rounds('none', page),
        () => store.round('none', 1),
        () => store.updates('none', 1, page),
        () => store.metrics('none', page),
        () => store.barriers('none', page),
        () => store.models('none', page),
        () => store.clients('none', page),
        () => store.createProbe('none', { request: {}, total: 1 }),
        () => store.updateProbe('none', 1, {}),
        () => store.addBarriers('none', 1, [barrierRecord(1)]),
        () => store.probe('none', 1),
        () => store.probes('none', page),
        () => store.latestCheckpoint('none'),
      ]
      for (const call of calls) await assert.rejects(call(), refuses('run_not_found'), String(call))
      const id = await open()
      for (const round of [1, -1, 2 ** 40, 1.5]) {
        await assert.rejects(store.round(id, round), refuses('round_not_found'))
        await assert.rejects(store.updates(id, round, page), refuses('round_not_found'))
      }
      assert.equal(await store.latestCheckpoint(id), null)
      for (const list of [store.rounds, store.metrics, store.barriers, store.models, store.clients])
        assert.deepEqual(await list(id, page), { items: [], nextCursor: null })
    })

    test('a commit keeps every row as it was given, in the order given', async () => {
      const id = await open()
      const commits = [0, 1, 2].map(round => commitOf(round))
      for (const commit of commits) await store.commitRound(id, commit)
      const page = { limit: 100 }
      assert.equal((await store.run(id)).finalRound, 2)
      assert.deepEqual(
        (await store.rounds(id, page)).items,
        commits.map(({ round }) => round),
      )
      assert.deepEqual(await store.round(id, 1), roundRecord(1))
      assert.deepEqual((await store.updates(id, 1, page)).items, [updateRecord(1, 2), updateRecord(1, 1)])
      assert.deepEqual(
        (await store.metrics(id, page)).items,
        commits.flatMap(({ metrics }) => metrics),
      )
      assert.deepEqual(
        (await store.barriers(id, page)).items,
        commits.flatMap(({ barriers }) => barriers),
      )
      assert.deepEqual(await store.latestCheckpoint(id), checkpointRecord(2))
      assert.deepEqual(
        await readAll(all => store.models(id, all), 2),
        commits.flatMap(({ models }) => models),
      )
      assert.deepEqual((await store.models(id, { ...page, round: 1 })).items, commits[1]?.models)
      assert.deepEqual((await store.models(id, { ...page, round: 7 })).items, [])
    })

    test('a round that is already there is refused, and nothing of it is written', async () => {
      const id = await open()
      await store.commitRound(id, commitOf(1))
      await store.commitRound(id, commitOf(3))
      for (const round of [1, 2, 3])
        await assert.rejects(store.commitRound(id, commitOf(round)), refuses('run_conflict'), `round ${round}`)
      await assertRounds(id, [1, 3])
    })

    test('a commit with one impossible row leaves nothing behind, and the store goes on', async () => {
      const id = await open()
      await store.commitRound(id, commitOf(1))
      // The last row of the last table, after several batches: everything before it had been written.
      const metrics = Array.from({ length: 600 }, (_, i) => metricRecord(2, `key/${i}`))
      metrics.push(metricRecord(2, null as never))
      await assert.rejects(store.commitRound(id, commitOf(2, { metrics })), FedError)
      await assert.rejects(store.commitRound(id, commitOf(2, { updates: [updateRecord(1, 4)] })), refuses('internal'))
      await assertRounds(id, [1])
      await store.commitRound(id, commitOf(2))
      await assertRounds(id, [1, 2])
    })

    const assertRounds = async (id: string, rounds: readonly number[]): Promise<void> => {
      const page = { limit: 1000 }
      const found = await store.rounds(id, page)
      assert.deepEqual(
        found.items.map(({ round }) => round),
        rounds,
      )
      const [metrics, barriers] = [await store.metrics(id, page), await store.barriers(id, page)]
      assert.equal((await store.models(id, page)).items.length, rounds.length * commitOf(1).models.length)
      assert.equal(metrics.items.length, rounds.length * commitOf(1).metrics.length)
      assert.equal(barriers.items.length, rounds.length * commitOf(1).barriers.length)
      for (const round of rounds) assert.equal((await store.updates(id, round, page)).items.length, 2)
      assert.equal((await store.latestCheckpoint(id))?.round, rounds.at(-1))
      assert.equal((await store.run(id)).finalRound, rounds.at(-1))
    }

    test('a number that is not finite is stored as null', async () => {
      const id = await open()
      const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      await store.commitRound(id, {
        ...commitOf(1),
        round: { ...roundRecord(1), loss: Number.NaN, accuracy: Number.POSITIVE_INFINITY },
        updates: [{ ...updateRecord(1, 2), trainLoss: Number.NEGATIVE_INFINITY }],
        metrics: values.map(value => metricRecord(1, 'train/loss', { value })),
        barriers: [barrierRecord(1, { loss: [1, ...values], lossBarrier: Number.NaN })],
      })
      const { loss, accuracy } = await store.round(id, 1)
      assert.deepEqual([loss, accuracy], [null, null])
      assert.equal((await store.updates(id, 1, { limit: 1 })).items[0]?.trainLoss, null)
      const metrics = await store.metrics(id, { limit: 10 })
      assert.deepEqual(
        metrics.items.map(({ value }) => value),
        [null, null, null],
      )
      const [barrier] = (await store.barriers(id, { limit: 1 })).items
      assert.deepEqual([barrier?.loss, barrier?.lossBarrier], [[1, null, null, null], null])
    })

    test('every double below 2^63 comes back bit by bit (-0 as 0), larger ones to 15 digits', async () => {
      const extremes = [Number.MIN_VALUE, Number.EPSILON, 0.1 + 0.2, -0, 2 ** 53 + 2, 2 ** 63 - 1024, 1.2e25]
      const double = fc.double({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 62), max: 2 ** 62 })
      const values = [...extremes, ...fc.sample(double, { numRuns: 200, seed: 7 })]
      values.push(1e300 / 3, Number.MAX_VALUE, -Number.MAX_VALUE)
      const id = await open()
      const metrics = values.map(value => metricRecord(1, 'drift/l2', { value }))
      await store.commitRound(id, commitOf(1, { metrics, barriers: [barrierRecord(1, { loss: values })] }))
      const wanted = values.map(value => (value === 0 ? 0 : value)).slice(0, -3)
      // The largest doubles round to infinity, hence null.
      wanted.push(3.33333333333333e299, null as never, null as never)
      const { items } = await store.metrics(id, { limit: 1000 })
      assert.deepEqual(
        items.map(({ value }) => value),
        wanted,
      )
      assert.deepEqual((await store.barriers(id, { limit: 1 })).items[0]?.loss, wanted)
    })

    test('metrics are filtered by key, layer, client, split and round, alone and together', async () => {
      const id = await open()
      const rows: MetricRecord[] = []
      for (const round of [1, 2, 3, 4])
        for (const key of ['eval/loss', 'drift/l2'])
          for (const layer of [null, 'fc1', 'fc2'])
            for (const client of [null, 0, 1])
              for (const split of [null, 'train', 'test'] as const)
                rows.push({ round, key, layer, client, split, value: rows.length })
      for (const round of [1, 2, 3, 4])
        await store.commitRound(id, commitOf(round, { metrics: rows.filter(row => row.round === round) }))
      const filter = fc.record({
        key: fc.constantFrom(undefined, 'eval/loss' as const, 'drift/l2' as const, 'train/loss' as const),
        layer: fc.constantFrom(undefined, undefined, 'fc1', 'fc2', 'fc9'),
        client: fc.constantFrom(undefined, undefined, 0, 1, 9),
        split: fc.constantFrom(undefined, undefined, 'train' as const, 'test' as const),
        from: fc.constantFrom(undefined, 0, 2, 3, 2 ** 33),
        to: fc.constantFrom(undefined, 1, 3, 2 ** 33, -1),
      })
      let nonEmpty = 0
      const check = async (query: typeof filter extends fc.Arbitrary<infer T> ? T : never, limit: number) => {
        const found = await readAll(page => store.metrics(id, { ...query, ...page }), limit)
        const wanted = rows.filter(
          row =>
            (query.key ?? row.key) === row.key &&
            (query.layer ?? row.layer) === row.layer &&
            (query.client ?? row.client) === row.client &&
            (query.split ?? row.split) === row.split &&
            row.round >= (query.from ?? 0) &&
            row.round <= (query.to ?? 9),
        )
        if (found.length > limit) nonEmpty++
        assert.deepEqual(found, wanted)
      }
      await fc.assert(fc.asyncProperty(filter, fc.integer({ min: 5, max: 50 }), check), { numRuns: 40, seed: 3 })
      assert.ok(nonEmpty >= 5, `only ${nonEmpty} filters needed a second page`)
    })

    test('barriers are filtered by path, layer, round and split', async () => {
      const id = await open()
      const rows = [1, 2].flatMap(round => [
        barrierRecord(round, { path: 'full', layer: null, base: null, split: 'train' }),
        barrierRecord(round, { path: 'layer', layer: 'fc1', base: 2 }),
        barrierRecord(round, { path: 'cumulative', layer: 'fc2', layers: ['fc1', 'fc2'], order: 'minimal' }),
        barrierRecord(round, { path: 'group', layer: null, base: null, between: ['client/0', 'client/1', 'client/2'] }),
      ])
      for (const round of [1, 2])
        await store.commitRound(id, commitOf(round, { barriers: rows.filter(row => row.round === round) }))
      const queries = [
        {},
        { path: 'full' },
        { layer: 'fc1' },
        { round: 2 },
        { split: 'train' },
        { path: 'group', round: 1 },
      ]
      for (const query of queries as Omit<BarrierQuery, 'limit'>[]) {
        const found = await readAll(page => store.barriers(id, { ...query, ...page }), 2)
        const wanted = rows.filter(row => Object.entries(query).every(([key, value]) => row[key as never] === value))
        assert.ok(wanted.length > 0)
        assert.deepEqual(found, wanted)
      }
    })

    test('runs are listed newest first, by status if asked, and new ones do not disturb the pages', async () => {
      const ids: string[] = []
      for (let i = 0; i < 5; i++) ids.unshift(await open())
      const listed = (await readAll(page => store.runs(page), 2, open)).map(({ id }) => id)
      assert.deepEqual(listed.slice(0, 5), ids)
      await store.updateRun(ids[3] ?? '', { status: 'stopped' })
      await store.updateRun(ids[1] ?? '', { status: 'stopped' })
      const stopped = await readAll(page => store.runs({ ...page, status: 'stopped' }), 1)
      assert.deepEqual(
        stopped.map(({ id }) => id),
        [ids[1], ids[3]],
      )
    })

    test('a run that nobody drives any more is told as interrupted, and listed as such', async t => {
      const at = Date.now()
      stopped = at
      t.after(() => {
        stopped = null
      })
      const [free, far, here] = [
        await open(),
        (await store.createRun(newRun(`far-${++runs}`, { holder: FAR }))).id,
        await open(),
      ]
      const running = { status: 'running' as const }
      for (const id of [free, far, here]) await store.updateRun(id, running)
      assert.equal((await store.updateRun(free, { holder: null })).status, 'interrupted')
      const told = () => Promise.all([free, far, here].map(async id => (await store.run(id)).status))
      const listed = async (status: RunStatus) => {
        const all = await readAll(page => store.runs({ ...page, status }), 1)
        return all.map(({ id }) => id).filter(id => [free, far, here].includes(id))
      }
      assert.deepEqual(await told(), ['interrupted', 'running', 'running'])
      assert.deepEqual([await listed('running'), await listed('interrupted')], [[here, far], [free]])
      // By its clock the far one is gone, whether that went forth or back; the one here is asked itself.
      for (const jump of [LEASE_MS + 1, -LEASE_MS - 1]) {
        stopped = at + jump
        assert.deepEqual(await told(), ['interrupted', 'interrupted', 'running'])
        assert.deepEqual([await listed('running'), await listed('interrupted')], [[here], [far, free]])
      }
      // Whoever lives says so, by the clock as it is then.
      assert.deepEqual(await store.beatRuns(FAR.id, [far, here, 'none']), [far])
      assert.deepEqual(await told(), ['interrupted', 'running', 'running'])
      await store.updateRun(free, { status: 'stopped' })
      assert.deepEqual([await listed('interrupted'), (await store.run(free)).status], [[], 'stopped'])
    })

    test('a run changes hands only as its lease was seen, once, and its former holder writes nothing more', async () => {
      const { id } = await store.createRun(newRun(`held-${++runs}`, { holder: FAR }))
      await store.commitRound(id, commitOf(1), FAR.id)
      const seen = await store.lease(id)
      assert.deepEqual([seen.state, seen.holder], ['held', { id: FAR.id, name: FAR.name }])
      await store.beatRuns(FAR.id, [id])
      assert.equal(await store.takeRun(id, HOLDER, seen), false, 'it has said something since')
      const again = await store.lease(id)
      assert.notEqual(again.beat, seen.beat)
      const third = { ...HOLDER, id: 'third' }
      const won = await Promise.all([store.takeRun(id, HOLDER, again), store.takeRun(id, third, again)])
      assert.deepEqual(won.toSorted(), [false, true])
      const [mine, other] = won[0] ? [HOLDER.id, third.id] : [third.id, HOLDER.id]
      for (const by of [FAR.id, other]) {
        await assert.rejects(store.commitRound(id, commitOf(2), by), refuses('run_held'))
        await assert.rejects(store.updateRun(id, { status: 'failed' }, by), refuses('run_held'))
        await store.releaseRun(id, by)
        assert.deepEqual(await store.beatRuns(by, [id]), [])
      }
      assert.deepEqual([(await store.run(id)).status, (await store.run(id)).finalRound], ['waiting', 1])
      assert.equal((await store.metrics(id, { limit: 100, from: 2 })).items.length, 0)
      await store.commitRound(id, commitOf(2), mine)
      await store.updateRun(id, { status: 'stopped', holder: null }, mine)
      const free = await store.lease(id)
      assert.deepEqual([free.state, free.holder, free.until], ['free', null, null])
      await assert.rejects(store.commitRound(id, commitOf(3), mine), refuses('run_held'))
      assert.equal(await store.takeRun(id, FAR, free), true)
      await store.releaseRun(id, FAR.id)
      assert.equal((await store.lease(id)).state, 'free')
    })

    test('a cursor stays where it was while rounds are added', async () => {
      const id = await open()
      for (const round of [1, 2, 3]) await store.commitRound(id, commitOf(round))
      const addRound = (pages: number) => (pages <= 3 ? store.commitRound(id, commitOf(3 + pages)) : Promise.resolve())
      const metrics = await readAll(page => store.metrics(id, page), 4, addRound)
      assert.deepEqual(
        metrics,
        [1, 2, 3, 4, 5, 6].flatMap(round => commitOf(round).metrics),
      )
      const rounds = await readAll(page => store.rounds(id, page), 2)
      assert.deepEqual(
        rounds.map(({ round }) => round),
        [1, 2, 3, 4, 5, 6],
      )
      const updates = await readAll(page => store.updates(id, 2, page), 1)
      assert.deepEqual(updates, commitOf(2).updates)
    })

    test('a bad cursor or limit is input_invalid', async () => {
      const id = await open()
      await store.commitRound(id, commitOf(1))
      const cursor = (await store.metrics(id, { limit: 1 })).nextCursor
      assert.ok(cursor)
      const text = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url')
      const bad = ['', 'x', '💥', text(null), text(7), text({ list: 'metrics' }), text({ list: 'metrics', after: [1] })]
      bad.push(text({ list: 'metrics', after: [1, 'a'] }), text({ list: 'metrics', after: [1, 1e99] }))
      for (const wrong of bad)
        await assert.rejects(store.metrics(id, { limit: 1, cursor: wrong }), refuses('input_invalid'), wrong)
      await assert.rejects(store.barriers(id, { limit: 1, cursor }), refuses('input_invalid'), 'of another list')
      for (const limit of [0, -1, 1001, 1.5, Number.NaN])
        await assert.rejects(store.rounds(id, { limit }), refuses('input_invalid'), `${limit}`)
    })

    test("clients are listed in order and may be stored again when a run's opening is repeated", async () => {
      const id = await open()
      const clients = Array.from({ length: 25 }, (_, client) => ({
        ...{ client, numTrain: 10 + client, numTest: 5, labelCounts: [client, 0, 10] },
      }))
      await store.saveClients(id, clients.toReversed())
      await store.saveClients(id, clients.toReversed())
      assert.deepEqual(await readAll(page => store.clients(id, page), 10), clients)
    })

    test('ten thousand metrics of one round leave the event loop free, and all are there', async () => {
      const id = await open()
      const metrics = Array.from({ length: 10_000 }, (_, i) =>
        metricRecord(1, 'train/loss', { client: i, value: i / 7 }),
      )
      let turns = 0
      let writing = true
      const loop = (async () => {
        for (; writing; turns++) await setImmediate()
      })()
      await store.commitRound(id, commitOf(1, { metrics }))
      writing = false
      await loop
      if (name !== 'memory') assert.ok(turns >= 10, `the loop turned ${turns} times while 10000 rows were written`)
      const found = await readAll(page => store.metrics(id, { key: 'train/loss', ...page }), 1000)
      assert.deepEqual(found, metrics)
    })

    test('several runs commit at once while others read', async () => {
      const ids = [await open(), await open(), await open(), await open()]
      const rounds = [1, 2, 3]
      const commits = ids.flatMap(id => rounds.map(round => store.commitRound(id, commitOf(round))))
      const reads = ids.flatMap(id => rounds.map(() => store.metrics(id, { limit: 10 })))
      await Promise.all([...commits, ...reads])
      for (const id of ids) await assertRounds(id, rounds)
    })

    test('rounds after one can be forgotten, and committed anew; the checkpoint before a round is found', async () => {
      const id = await open()
      for (const round of [1, 2, 3]) await store.commitRound(id, commitOf(round))
      assert.deepEqual(await store.checkpointBefore(id, 3), checkpointRecord(2))
      assert.equal(await store.checkpointBefore(id, 1), null)
      await store.rollBack(id, 1)
      await assertRounds(id, [1])
      assert.deepEqual(await readAll(page => store.metrics(id, page), 100), commitOf(1).metrics)
      assert.deepEqual(await readAll(page => store.barriers(id, page), 100), commitOf(1).barriers)
      await assert.rejects(store.updates(id, 2, { limit: 1 }), refuses('round_not_found'))
      await store.rollBack(id, 5)
      for (const round of [2, 3]) await store.commitRound(id, commitOf(round))
      await assertRounds(id, [1, 2, 3])
      await assert.rejects(store.rollBack('none', 1), refuses('run_not_found'))
    })

    test('of the same round committed twice at once, one wins', async () => {
      const id = await open()
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => store.commitRound(id, commitOf(1))))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'rejected'],
      )
      await assertRounds(id, [1])
    })

    test('probes are numbered within their run, change while they are active, and never once they have ended', async () => {
      const [id, other] = [await open(), await open()]
      const request = { rounds: [1, 2], paths: ['full'], z: 1, a: null }
      const created = await store.createProbe(id, { request, total: 12 })
      assert.deepEqual(created, {
        ...{ probe: 1, status: 'queued', request, done: 0, total: 12, error: null },
        ...{ createdAt: created.createdAt, startedAt: null, endedAt: null },
      })
      assert.deepEqual(Object.keys(created.request), ['rounds', 'paths', 'z', 'a'])
      assert.equal((await store.createProbe(id, { request: {}, total: 1 })).probe, 2)
      assert.equal((await store.createProbe(other, { request: {}, total: 1 })).probe, 1)

      const running = { status: 'running' as const, startedAt: '2026-01-02T03:04:05.006Z' }
      assert.deepEqual(await store.updateProbe(id, 1, running), { ...created, ...running })
      assert.deepEqual(await store.updateProbe(id, 1, { done: 7 }), { ...created, ...running, done: 7 })
      const ended = {
        ...{ status: 'failed' as const, endedAt: '2026-01-02T03:05:00.000Z' },
        error: { code: 'compute_failed', message: 'why' },
      }
      await store.updateProbe(id, 1, ended)
      assert.deepEqual(await store.probe(id, 1), { ...created, ...running, done: 7, ...ended })
      await assert.rejects(store.updateProbe(id, 1, { status: 'completed' }), refuses('probe_not_active'))
      assert.equal((await store.probe(id, 1)).status, 'failed')
      await assert.rejects(store.probe(id, 3), refuses('probe_not_found'))
      await assert.rejects(store.updateProbe(id, 3, {}), refuses('probe_not_found'))
      const listed = await readAll(page => store.probes(id, page), 1)
      assert.deepEqual(
        listed.map(({ probe }) => probe),
        [1, 2],
      )
    })

    test('a probe that nobody looks after any more fails, the others do not', async () => {
      const id = await open()
      for (const _ of [1, 2, 3]) await store.createProbe(id, { request: {}, total: 1 })
      await store.updateProbe(id, 2, { status: 'cancelled' })
      const error = { code: 'interrupted', message: 'nobody there' }
      const before = await store.failForsaken(new Date(0), error)
      assert.equal(before, 0)
      assert.ok((await store.failForsaken(new Date(Date.now() + 60_000), error)) >= 2)
      const listed = (await store.probes(id, { limit: 10 })).items
      assert.deepEqual(
        listed.map(({ status }) => status),
        ['failed', 'cancelled', 'failed'],
      )
      assert.deepEqual([listed[0]?.error, listed[1]?.error], [error, null])
      assert.ok(listed[2]?.endedAt)
    })

    test('what a probe adds to rounds that are over comes after the rows of its round, on every page', async () => {
      const id = await open()
      for (const round of [1, 2, 3]) await store.commitRound(id, commitOf(round))
      const added = [2, 1].map(round => barrierRecord(round, { interpolation: [0, 0.25, 0.5, 0.75, 1] }))
      const { probe } = await store.createProbe(id, { request: {}, total: 2 })
      await store.addBarriers(id, probe, added)
      const own = (round: number) => commitOf(round).barriers
      const wanted = [...own(1), { ...added[1]!, probe }, ...own(2), { ...added[0]!, probe }, ...own(3)]
      for (const limit of [1, 2, 3, 100])
        assert.deepEqual(await readAll(page => store.barriers(id, { ...page }), limit), wanted)
      assert.deepEqual(await readAll(page => store.barriers(id, { ...page, probe }), 1), [wanted[2], wanted[5]])
      assert.deepEqual(await readAll(page => store.barriers(id, { ...page, round: 2 }), 1), wanted.slice(3, 6))
      await assert.rejects(store.addBarriers(id, probe, [barrierRecord(3), barrierRecord(null as never)]), FedError)
      assert.equal((await store.barriers(id, { limit: 100 })).items.length, wanted.length)
      await store.rollBack(id, 2)
      await assert.rejects(store.addBarriers(id, probe, [barrierRecord(3)]), refuses('round_not_found'))
    })

    test('it answers a ping', () => store.ping())
  })
}
