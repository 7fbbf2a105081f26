import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { FedError } from '../core/errors.ts'
import { BEAT_MS, type Holder, type Lease, type LeaseStore, runHeld } from '../rounds/lease-ports.ts'
import type { Clock } from '../rounds/ports.ts'
import { thisProcess } from '../store/leases.ts'

export interface RunLeasesDeps {
  readonly store: LeaseStore
  readonly clock: Clock
  readonly log: Logger
  /** The run is another's now: whatever is done for it here is in vain. */
  readonly lost: (id: string, error: FedError) => void
}

export interface RunLeases {
  readonly holder: Holder
  /** For a run that is created as ours. Throws `run_conflict` when we drive it already. */
  keep(id: string): void
  /** Makes a stored run ours. Throws `run_conflict`, `run_held` and `run_not_found`. */
  take(id: string): Promise<void>
  /** Ours no more, here; the database is told with how the run ended. */
  forget(id: string): void
  /** Ours no more, whatever the database says: whoever looks next sees that nobody has it. */
  release(id: string): Promise<void>
  /** What must be written before the run is given up, and could not be: tried with every beat until it can. */
  owe(id: string, write: () => Promise<void>): void
  /** Tries what is owed for the run once more. */
  settle(id: string): Promise<void>
  /** No beat from now on; tries once more what is owed. */
  close(): Promise<void>
}

/** A beat and a little: whoever lives has changed it by then. */
const WATCH_MS = 1.5 * BEAT_MS

/**
 * The runs that this coordinator drives, and that it says so to the database now and then, beside the rounds. What it
 * writes for a run is refused there once the run is another's (`by` of the store), so that a coordinator which was
 * thought dead and is not does no harm.
 */
export function runLeases({ store, clock, log, lost }: RunLeasesDeps): RunLeases {
  const holder = { id: randomUUID(), name: `process ${process.pid} on ${hostname()}`, process: thisProcess() }
  const ours = new Set<string>()
  const owed = new Map<string, () => Promise<void>>()
  let closed = false
  let next = clock.after(BEAT_MS, beat)
  let beating: Promise<void> = Promise.resolve()

  function beat(): void {
    beating = tell().catch(error => log.warn({ err: error }, 'the database could not be told that we are here'))
    void beating.then(() => {
      if (!closed) next = clock.after(BEAT_MS, beat)
    })
  }

  async function tell(): Promise<void> {
    for (const id of [...owed.keys()]) await settle(id)
    const told = [...ours]
    if (told.length === 0) return
    const held = new Set(await store.beatRuns(holder.id, told))
    // It may have ended meanwhile.
    for (const id of told) if (!held.has(id) && ours.has(id)) lost(id, runHeld(id, await store.lease(id)))
  }

  async function settle(id: string): Promise<void> {
    const write = owed.get(id)
    if (!write) return
    try {
      await write()
      owed.delete(id)
      ours.delete(id)
    } catch (error) {
      log.warn({ err: error, run: id }, 'how the run ended cannot be stored yet')
    }
  }

  function keep(id: string): void {
    if (ours.has(id)) throw new FedError('run_conflict', { expected: 'a run that is not active', received: id })
    ours.add(id)
  }

  /** Of a holder that a clock says is gone: the clock may have jumped. */
  async function watched(id: string): Promise<Lease> {
    const before = await store.lease(id)
    if (before.state !== 'overdue') return before
    await new Promise<void>(resolve => void clock.after(WATCH_MS, resolve))
    const after = await store.lease(id)
    return after.beat === before.beat && after.holder?.id === before.holder?.id ? { ...after, state: 'free' } : after
  }

  return {
    holder,
    keep,
    async take(id) {
      keep(id)
      try {
        const lease = await watched(id)
        if (lease.state !== 'free' && lease.holder?.id !== holder.id) throw runHeld(id, lease)
        if (!(await store.takeRun(id, holder, lease))) throw runHeld(id, await store.lease(id))
      } catch (error) {
        ours.delete(id)
        throw error
      }
    },
    forget: id => void ours.delete(id),
    async release(id) {
      ours.delete(id)
      await store.releaseRun(id, holder.id)
    },
    owe: (id, write) => void owed.set(id, write),
    settle,
    async close() {
      closed = true
      next.cancel()
      await beating
      for (const id of [...owed.keys()]) await settle(id)
    },
  }
}
