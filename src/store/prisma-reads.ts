import type { PageQuery, Store } from '../rounds/ports.ts'
import { roundNotFound, runNotFound } from './commit.ts'
import type { PrismaClient } from './generated/sqlite/client.ts'
import type { DatabaseClock } from './leases.ts'
import { type ListName, pageOf, readPage } from './paging.ts'
import { readLease, whereStatus } from './prisma-leases.ts'
import { type ProbeReads, probeReads } from './prisma-probes.ts'
import {
  barrierRecord,
  checkpointRecord,
  clientRecord,
  defined,
  metricRecord,
  modelRecord,
  roundRecord,
  runRecord,
  updateRecord,
} from './rows.ts'

export type StoreReads = ProbeReads &
  Pick<
    Store,
    | 'lease'
    | 'run'
    | 'runFile'
    | 'joinTokenHash'
    | 'runs'
    | 'rounds'
    | 'round'
    | 'updates'
    | 'metrics'
    | 'barriers'
    | 'models'
    | 'clients'
    | 'latestCheckpoint'
    | 'checkpointBefore'
  >

/** The reading half of a store. Each list asks for one row more than its page, to know whether another follows. */
export function prismaReads(db: PrismaClient, now: DatabaseClock): StoreReads {
  const requireRun = async (id: string): Promise<void> => {
    if ((await db.run.count({ where: { id } })) === 0) throw runNotFound(id)
  }

  /** An empty page may mean that there is no such run; only then is it worth a second query. */
  const orNoRun = async <Row>(id: string, rows: readonly Row[]): Promise<readonly Row[]> => {
    if (rows.length === 0) await requireRun(id)
    return rows
  }

  const oneRun = async (id: string) => {
    const row = await db.run.findUnique({ where: { id } })
    if (row === null) throw runNotFound(id)
    return row
  }

  const oneRound = async (id: string, round: number) => {
    const row = isRound(round) ? await db.round.findUnique({ where: { runId_round: { runId: id, round } } }) : null
    if (row !== null) return roundRecord(row)
    await requireRun(id)
    throw roundNotFound(id, round)
  }

  const lastCheckpoint = async (where: { readonly runId: string; readonly round?: { readonly lt: number } }) => {
    const row = await db.checkpoint.findFirst({ where, orderBy: { round: 'desc' } })
    if (row === null) await requireRun(where.runId)
    return row && checkpointRecord(row)
  }

  return {
    lease: id => readLease(db, id, now),
    run: async id => runRecord(await oneRun(id), now),
    runFile: async id => JSON.parse((await oneRun(id)).runFile),
    joinTokenHash: async id => (await oneRun(id)).joinTokenHash,

    async runs({ status, ...query }) {
      const { after, limit } = readPage('runs', query)
      const rows = await db.run.findMany({
        where: { ...(status && (await whereStatus(db, status, now))), ...(after && { seq: { lt: after[0] ?? 0 } }) },
        orderBy: { seq: 'desc' },
        take: limit + 1,
      })
      const page = pageOf('runs', rows, limit, identity, row => [row.seq])
      return { ...page, items: await Promise.all(page.items.map(row => runRecord(row, now))) }
    },

    async rounds(id, query) {
      const { after, limit } = readPage('rounds', query)
      const rows = await db.round.findMany({
        where: { runId: id, ...(after && { round: { gt: after[0] ?? 0 } }) },
        orderBy: { round: 'asc' },
        take: limit + 1,
      })
      return pageOf('rounds', await orNoRun(id, rows), limit, roundRecord, row => [row.round])
    },

    round: oneRound,

    async updates(id, round, query) {
      const { where, limit } = byRow('updates', query, { from: round, to: round })
      const rows = await db.update.findMany({ where: { runId: id, ...where }, orderBy: BY_ROW, take: limit + 1 })
      if (rows.length === 0) await oneRound(id, round)
      return pageOf('updates', rows, limit, updateRecord, positionOf)
    },

    async metrics(id, { key, layer, client, split, from, to, ...query }) {
      const { where, limit } = byRow('metrics', query, { from, to })
      const rows = await db.metric.findMany({
        where: { runId: id, ...where, ...defined({ key, layer, client, split }) },
        orderBy: BY_ROW,
        take: limit + 1,
      })
      return pageOf('metrics', await orNoRun(id, rows), limit, metricRecord, positionOf)
    },

    ...probeReads(db, requireRun),

    async barriers(id, { path, layer, round, split, probe, ...query }) {
      const { where, limit } = byRow('barriers', query, { from: round, to: round })
      const rows = await db.barrier.findMany({
        where: { runId: id, ...where, ...defined({ path, layer, split, probe }) },
        orderBy: BY_ROW,
        take: limit + 1,
      })
      return pageOf('barriers', await orNoRun(id, rows), limit, barrierRecord, positionOf)
    },

    async models(id, { round, ...query }) {
      const { where, limit } = byRow('models', query, { from: round, to: round })
      const rows = await db.keptModel.findMany({ where: { runId: id, ...where }, orderBy: BY_ROW, take: limit + 1 })
      return pageOf('models', await orNoRun(id, rows), limit, modelRecord, positionOf)
    },

    async clients(id, query) {
      const { after, limit } = readPage('clients', query)
      const rows = await db.client.findMany({
        where: { runId: id, ...(after && { client: { gt: after[0] ?? 0 } }) },
        orderBy: { client: 'asc' },
        take: limit + 1,
      })
      return pageOf('clients', await orNoRun(id, rows), limit, clientRecord, row => [row.client])
    },

    latestCheckpoint: id => lastCheckpoint({ runId: id }),
    checkpointBefore: (id, round) => lastCheckpoint({ runId: id, round: { lt: round } }),
  }
}

const identity = <Row>(row: Row): Row => row

const BY_ROW = [{ round: 'asc' as const }, { id: 'asc' as const }]

const positionOf = (row: { readonly round: number; readonly id: number }) => [row.round, row.id]

/**
 * The part of a `where` that pages by round, then by row: the rows of the position's round that come after it, and those of
 * later rounds, whatever their row numbers (a probe adds rows to rounds that are over). The bound on the round keeps the
 * search within one index (runId, …, round, id).
 */
function byRow(
  list: ListName,
  query: PageQuery,
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
) {
  const { after, limit } = readPage(list, query)
  const first = Math.max(from ?? 0, after?.[0] ?? 0)
  const round = { gte: clamp(first), ...(to !== undefined && { lte: clamp(to) }) }
  return {
    limit,
    where: { round, ...(after && { OR: [{ round: { gt: clamp(after[0] ?? 0) } }, { id: { gt: after[1] ?? 0 } }] }) },
  }
}

const LARGEST_INT = 2 ** 31 - 1

/** Round numbers come from people, and an Int column refuses what does not fit. */
const clamp = (round: number) => Math.min(Math.max(round, -1), LARGEST_INT)

const isRound = (round: number) => Number.isInteger(round) && round >= 0 && round <= LARGEST_INT
