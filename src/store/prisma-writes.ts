import { FedError } from '../core/errors.ts'
import type { NewRun, RoundCommit, RunPatch, Store } from '../rounds/ports.ts'
import { insertRows, type Transaction } from './bulk-insert.ts'
import { normaliseCommit, roundConflict, runNotFound } from './commit.ts'
import { prismaCode } from './errors.ts'
import type { PrismaClient } from './generated/sqlite/client.ts'
import type { DatabaseClock } from './leases.ts'
import { PATIENCE_MS, patiently } from './patience.ts'
import { beatRuns, heldBy, type LeaseWrites, notHeld, releaseRun, takeRun } from './prisma-leases.ts'
import { addBarriers, createProbe, failForsaken, updateProbe } from './prisma-probes.ts'
import {
  barrierRow,
  checkpointRow,
  clientRow,
  metricRow,
  modelRow,
  roundRow,
  runColumns,
  runRecord,
  updateRow,
} from './rows.ts'

export type StoreWrites = LeaseWrites &
  Pick<
    Store,
    | 'createRun'
    | 'updateRun'
    | 'saveClients'
    | 'commitRound'
    | 'queuedWrites'
    | 'rollBack'
    | 'createProbe'
    | 'updateProbe'
    | 'addBarriers'
    | 'failForsaken'
  >

/** A transaction may wait for the disk, but not for ever; writes queue here, not in Prisma. */
const TRANSACTION = { maxWait: 30_000, timeout: 120_000 }

/**
 * The writing half of a store: one write at a time, because SQLite takes one writer and Prisma gives up on the others
 * (prisma#29870). The queue keeps them in the order in which they were asked for, and tries one again that found the
 * database locked or away.
 */
export function prismaWrites(
  db: PrismaClient,
  now: DatabaseClock,
  patienceMs = PATIENCE_MS,
): StoreWrites & { idle(): Promise<void> } {
  let last: Promise<unknown> = Promise.resolve()
  let queued = 0
  const inTurn = <T>(write: (again: boolean) => Promise<T>, patience = patienceMs): Promise<T> => {
    queued++
    const result = last.then(() => patiently(write, patience)).finally(() => queued--)
    last = result.catch(() => undefined)
    return result
  }
  return {
    createRun: run => inTurn(again => createRun(db, run, { again, now })),
    updateRun: (id, patch, by) => inTurn(() => updateRun(db, id, patch, { by, now })),
    takeRun: (id, holder, seen) => inTurn(again => takeRun(db, id, { holder, seen, again, now })),
    // The next beat is soon: this one need not be tried again.
    beatRuns: (holder, ids) => inTurn(() => beatRuns(db, holder, { ids, now }), 0),
    releaseRun: (id, holder) => inTurn(() => releaseRun(db, id, holder)),
    saveClients: (id, clients) =>
      inTurn(() =>
        db.$transaction(async tx => {
          await requireRun(tx, id)
          await tx.client.deleteMany({ where: { runId: id } })
          await insertRows(
            tx,
            'Client',
            clients.map(client => clientRow(id, client)),
          )
        }, TRANSACTION),
      ),
    commitRound: (id, commit, by) =>
      inTurn(async again => {
        const rows = normaliseCommit(commit)
        if (await db.$transaction(tx => commitRound(tx, id, rows, { by, again }), TRANSACTION)) return
        throw await notHeld(db, id, { by, now })
      }),
    rollBack: (id, round) => inTurn(() => db.$transaction(tx => rollBack(tx, id, round), TRANSACTION)),
    createProbe: (id, probe) => inTurn(() => db.$transaction(tx => createProbe(tx, id, probe), TRANSACTION)),
    updateProbe: (id, probe, patch) =>
      inTurn(() => db.$transaction(tx => updateProbe(tx, id, probe, patch), TRANSACTION)),
    addBarriers: (id, probe, barriers) =>
      inTurn(again => db.$transaction(tx => addBarriers(tx, id, { probe, barriers, again }), TRANSACTION)),
    failForsaken: (before, error) => inTurn(() => failForsaken(db, before, error)),
    queuedWrites: async () => queued,
    idle: async () => void (await last),
  }
}

interface Tried {
  /** It may be there already, by this very call. */
  readonly again: boolean
  readonly now: DatabaseClock
}

async function createRun(db: PrismaClient, { runFile, seed, holder, ...run }: NewRun, { again, now }: Tried) {
  const data = { ...run, seed: BigInt(seed), runFile: JSON.stringify(runFile), status: 'waiting', layers: [] }
  const held = { ...(await heldBy(holder, now)), beat: 1 }
  try {
    return await runRecord(await db.run.create({ data: { ...data, ...held, createdAt: new Date() } }), now)
  } catch (thrown) {
    if (prismaCode(thrown) !== 'P2002') throw thrown
    const row = again ? await db.run.findUnique({ where: { id: run.id, holder: holder.id } }) : null
    if (row !== null) return runRecord(row, now)
    throw new FedError('run_conflict', { expected: 'a new run id', received: run.id, cause: thrown })
  }
}

async function updateRun(db: PrismaClient, id: string, patch: RunPatch, { by, now }: Fence) {
  try {
    const where = { id, ...(by !== undefined && { holder: by }) }
    return await runRecord(await db.run.update({ where, data: runColumns(patch) }), now)
  } catch (thrown) {
    if (prismaCode(thrown) !== 'P2025') throw thrown
    throw await notHeld(db, id, { by, now })
  }
}

interface Fence {
  /** Whose the run must be; anybody's when left out. */
  readonly by: string | undefined
  readonly now: DatabaseClock
}

/** False when there is no such run of the holder's. Another commit of the round has another beginning or end. */
async function commitRound(
  tx: Transaction,
  id: string,
  commit: RoundCommit,
  { by, again }: Pick<Fence, 'by'> & Pick<Tried, 'again'>,
): Promise<boolean> {
  const { round } = commit.round
  // First, because it locks the run's row: of two processes that commit the same run, the second waits here and then
  // sees the first one's round.
  const where = { id, ...(by !== undefined && { holder: by }) }
  const { count } = await tx.run.updateMany({ where, data: { finalRound: round } })
  if (count === 0) return false
  const latest = await tx.round.findFirst({ where: { runId: id }, orderBy: { round: 'desc' }, select: { round: true } })
  if (again && latest?.round === round && (await isCommitted(tx, id, commit))) return true
  if (latest !== null && latest.round >= round) throw roundConflict(latest.round, round)
  await tx.round.createMany({ data: [roundRow(id, commit.round)] })
  await tx.checkpoint.createMany({ data: [checkpointRow(id, commit.checkpoint)] })
  await insertRows(
    tx,
    'Update',
    commit.updates.map(row => updateRow(id, row)),
  )
  await insertRows(
    tx,
    'Barrier',
    commit.barriers.map(row => barrierRow(id, row)),
  )
  await insertRows(
    tx,
    'Metric',
    commit.metrics.map(row => metricRow(id, row)),
  )
  await insertRows(
    tx,
    'KeptModel',
    commit.models.map(row => modelRow(id, row)),
  )
  return true
}

async function isCommitted(tx: Transaction, id: string, { round }: RoundCommit): Promise<boolean> {
  const { startedAt, endedAt, durationMs } = round
  const same = { startedAt: new Date(startedAt), endedAt: new Date(endedAt), durationMs }
  return (await tx.round.count({ where: { runId: id, round: round.round, ...same } })) > 0
}

async function rollBack(tx: Transaction, id: string, round: number): Promise<void> {
  await requireRun(tx, id)
  await tx.run.updateMany({ where: { id, finalRound: { gt: round } }, data: { finalRound: round } })
  const where = { runId: id, round: { gt: round } }
  await tx.update.deleteMany({ where })
  await tx.metric.deleteMany({ where })
  await tx.barrier.deleteMany({ where })
  await tx.checkpoint.deleteMany({ where })
  await tx.keptModel.deleteMany({ where })
  await tx.round.deleteMany({ where })
}

async function requireRun(tx: Transaction, id: string): Promise<void> {
  if ((await tx.run.count({ where: { id } })) === 0) throw runNotFound(id)
}
