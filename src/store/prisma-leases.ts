import type { RunStatus } from '../core/records.ts'
import { type Holder, type Lease, type LeaseStore, runHeld } from '../rounds/lease-ports.ts'
import { runNotFound } from './commit.ts'
import type { PrismaClient } from './generated/sqlite/client.ts'
import { ACTIVE, type DatabaseClock, FREE, leaseOf } from './leases.ts'

export async function readLease(db: PrismaClient, id: string, now: DatabaseClock): Promise<Lease> {
  const row = await db.run.findUnique({ where: { id }, select: COLUMNS })
  if (row === null) throw runNotFound(id)
  return leaseOf(row, now)
}

const COLUMNS = { holder: true, holderName: true, holderProcess: true, beat: true, seenAt: true } as const

/** What a lease says of its holder. */
export async function heldBy({ id, name, process }: Holder, now: DatabaseClock) {
  return { holder: id, holderName: name, holderProcess: process, seenAt: new Date(await now()) }
}

/** `again`: it may have been taken already, by this very call. */
export async function takeRun(
  db: PrismaClient,
  id: string,
  { holder, seen, again, now }: { holder: Holder; seen: Lease; again: boolean; now: DatabaseClock },
): Promise<boolean> {
  const taken = { ...(await heldBy(holder, now)), beat: (seen.beat ?? 0) + 1 }
  const { count } = await db.run.updateMany({
    where: { id, holder: seen.holder?.id ?? null, beat: seen.beat },
    data: taken,
  })
  if (count > 0) return true
  const row = await db.run.findUnique({ where: { id }, select: { holder: true } })
  if (row === null) throw runNotFound(id)
  return again && row.holder === holder.id
}

export async function beatRuns(
  db: PrismaClient,
  holder: string,
  { ids, now }: { ids: readonly string[]; now: DatabaseClock },
): Promise<readonly string[]> {
  const where = { id: { in: [...ids] }, holder }
  const { count } = await db.run.updateMany({ where, data: { beat: { increment: 1 }, seenAt: new Date(await now()) } })
  if (count === ids.length) return ids
  return (await db.run.findMany({ where, select: { id: true } })).map(({ id }) => id)
}

export async function releaseRun(db: PrismaClient, id: string, holder: string): Promise<void> {
  const { count } = await db.run.updateMany({ where: { id, holder }, data: FREE })
  if (count === 0 && (await db.run.count({ where: { id } })) === 0) throw runNotFound(id)
}

/** Why a write for `by` met no row. */
export async function notHeld(
  db: PrismaClient,
  id: string,
  { by, now }: { readonly by: string | undefined; readonly now: DatabaseClock },
) {
  const row = await db.run.findUnique({ where: { id }, select: COLUMNS })
  return row === null || by === undefined ? runNotFound(id) : runHeld(id, await leaseOf(row, now))
}

/** The part of a `where` for runs that are told to have this status. */
export async function whereStatus(db: PrismaClient, status: RunStatus, now: DatabaseClock) {
  if (status !== 'interrupted' && !ACTIVE.includes(status)) return { status }
  const rows = await db.run.findMany({
    where: { status: { in: [...ACTIVE] }, holder: { not: null } },
    select: { seq: true, ...COLUMNS },
  })
  const held: number[] = []
  for (const { seq, ...row } of rows) if ((await leaseOf(row, now)).state === 'held') held.push(seq)
  if (status === 'interrupted') return { status: { in: [...ACTIVE] }, NOT: { seq: { in: held } } }
  return { status, AND: { seq: { in: held } } }
}

export type LeaseWrites = Pick<LeaseStore, 'takeRun' | 'beatRuns' | 'releaseRun'>
