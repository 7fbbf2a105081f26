import { readFileSync, readlinkSync } from 'node:fs'
import type { RunStatus } from '../core/records.ts'
import { LEASE_MS, type Lease } from '../rounds/lease-ports.ts'

/** What a run's row says about who drives it. */
export interface LeaseRow {
  readonly holder: string | null
  readonly holderName: string | null
  readonly holderProcess: string | null
  readonly beat: number | null
  readonly seenAt: Date | null
}

export const FREE = { holder: null, holderName: null, holderProcess: null, seenAt: null } as const

/** Milliseconds of the wall clock that beats are dated by. */
export type DatabaseClock = () => Promise<number>

/** Statuses of a run that somebody should be driving. */
export const ACTIVE: readonly string[] = ['waiting', 'running'] satisfies RunStatus[]

/**
 * On its own machine a process is asked for, whatever the clocks say: it is there, or it is gone. For any other, its last
 * beat is not far from now, on either side: the clock may have been set back.
 */
export async function leaseOf(row: LeaseRow, now: DatabaseClock, isGone = processIsGone): Promise<Lease> {
  const { holder, beat, seenAt } = row
  if (holder === null) return { holder: null, beat, until: null, state: 'free' }
  const seen = seenAt?.getTime() ?? 0
  const lease = {
    holder: { id: holder, name: row.holderName ?? holder },
    beat,
    until: new Date(seen + LEASE_MS).toISOString(),
  }
  const gone = isGone(row.holderProcess)
  if (gone !== null) return { ...lease, state: gone ? 'free' : 'held' }
  return { ...lease, state: Math.abs((await now()) - seen) <= LEASE_MS ? 'held' : 'overdue' }
}

/** What is told of a run: one that should be driven, and is by nobody, was interrupted. */
export async function statusOf(row: LeaseRow & { readonly status: string }, now: DatabaseClock): Promise<RunStatus> {
  const status = row.status as RunStatus
  if (!ACTIVE.includes(status)) return status
  return (await leaseOf(row, now)).state === 'held' ? status : 'interrupted'
}

/**
 * This process as `processIsGone` knows it, on this machine since it was started, and in this process namespace: a
 * container has numbers of its own. null where there is no /proc.
 */
export function thisProcess(): string | null {
  const started = startOf(process.pid)
  return machine === null || started === null ? null : `${machine}/${process.pid}/${started}`
}

/** null: a process of another machine, or of one that cannot tell. */
export function processIsGone(name: string | null): boolean | null {
  const [, where, pid, started] = /^(.*)\/(\d+)\/(\d+)$/.exec(name ?? '') ?? []
  if (where === undefined || where !== machine) return null
  const found = startOf(Number(pid))
  return found === null && isHidden(Number(pid)) ? null : found !== started
}

const machine = thisMachine()

function thisMachine(): string | null {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return null
  }
}

/** There, but of another user, whose processes /proc may not show. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Ticks since the machine was started; null when there is no such process. A number is given again, with another start. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is a name, in which anything may stand.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? null : (fields[18] ?? null)
  } catch {
    return null
  }
}
