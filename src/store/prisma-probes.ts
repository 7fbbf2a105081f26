import type { BarrierRecord } from '../core/records.ts'
import type { NewProbe, ProbePatch, ProbeStore } from '../rounds/probe-ports.ts'
import { insertRows, type Transaction } from './bulk-insert.ts'
import { normaliseBarrier, probeNotActive, probeNotFound, roundNotFound, runNotFound } from './commit.ts'
import type { PrismaClient } from './generated/sqlite/client.ts'
import { pageOf, readPage } from './paging.ts'
import { barrierRow, probeColumns, probeRecord } from './rows.ts'

const ACTIVE = { in: ['queued', 'running'] }

export type ProbeReads = Pick<ProbeStore, 'probe' | 'probes'>

export function probeReads(db: PrismaClient, requireRun: (id: string) => Promise<void>): ProbeReads {
  return {
    async probe(id, probe) {
      const row = await db.probe.findUnique({ where: { runId_probe: { runId: id, probe } } })
      if (row !== null) return probeRecord(row)
      await requireRun(id)
      throw probeNotFound(id, probe)
    },

    async probes(id, query) {
      const { after, limit } = readPage('probes', query)
      const where = { runId: id, ...(after && { probe: { gt: after[0] ?? 0 } }) }
      const rows = await db.probe.findMany({ where, orderBy: { probe: 'asc' }, take: limit + 1 })
      if (rows.length === 0) await requireRun(id)
      return pageOf('probes', rows, limit, probeRecord, row => [row.probe])
    },
  }
}

export async function createProbe(tx: Transaction, id: string, { request, total }: NewProbe) {
  // A write that changes nothing locks the run's row, so that two processes cannot give out the same number.
  const { count } = await tx.run.updateMany({ where: { id }, data: { finalRound: { increment: 0 } } })
  if (count === 0) throw runNotFound(id)
  const last = await tx.probe.findFirst({ where: { runId: id }, orderBy: { probe: 'desc' }, select: { probe: true } })
  const now = new Date()
  const made = { status: 'queued', request: JSON.stringify(request), done: 0, total, createdAt: now, seenAt: now }
  return probeRecord(await tx.probe.create({ data: { runId: id, probe: (last?.probe ?? 0) + 1, ...made } }))
}

export async function updateProbe(tx: Transaction, id: string, probe: number, patch: ProbePatch) {
  const { count } = await tx.probe.updateMany({
    where: { runId: id, probe, status: ACTIVE },
    data: { ...probeColumns(patch), seenAt: new Date() },
  })
  const row = await tx.probe.findUnique({ where: { runId_probe: { runId: id, probe } } })
  if (row === null) {
    if ((await tx.run.count({ where: { id } })) === 0) throw runNotFound(id)
    throw probeNotFound(id, probe)
  }
  if (count === 0) throw probeNotActive(probe, row.status)
  return probeRecord(row)
}

/** `again`: they may be there already, by this very call: a probe adds to a round once. */
export async function addBarriers(
  tx: Transaction,
  id: string,
  { probe, barriers, again }: AddedBarriers,
): Promise<void> {
  if ((await tx.run.count({ where: { id } })) === 0) throw runNotFound(id)
  const rounds = [...new Set(barriers.map(({ round }) => round))]
  for (const round of rounds) // it may have been rolled back meanwhile
    if ((await tx.round.count({ where: { runId: id, round } })) === 0) throw roundNotFound(id, round)
  const where = { runId: id, probe, round: { in: rounds } }
  if (again && (await tx.barrier.count({ where })) > 0) return
  const rows = barriers.map(record => barrierRow(id, { ...normaliseBarrier(record), probe }))
  await insertRows(tx, 'Barrier', rows)
}

interface AddedBarriers {
  readonly probe: number
  readonly barriers: readonly BarrierRecord[]
  readonly again: boolean
}

export async function failForsaken(
  db: PrismaClient,
  before: Date,
  { code, message }: { readonly code: string; readonly message: string },
): Promise<number> {
  const { count } = await db.probe.updateMany({
    where: { status: ACTIVE, seenAt: { lt: before } },
    data: { status: 'failed', errorCode: code, errorMessage: message, endedAt: new Date() },
  })
  return count
}
