import { FedError } from '../core/errors.ts'

// Who drives a run. Two coordinators on one database never drive the same one.

/** How often a coordinator says that it drives its runs, and how long it is believed without. */
export const BEAT_MS = 5000
export const LEASE_MS = 30_000

/** A coordinator, as the database knows it. */
export interface Holder {
  /** Of this coordinator alone, never given again. */
  readonly id: string
  /** For people: which process, on which machine. */
  readonly name: string
  /** The process for its own machine, which knows at once when it is gone; null where a machine cannot tell. */
  readonly process: string | null
}

export interface Lease {
  /** null: nobody. */
  readonly holder: Pick<Holder, 'id' | 'name'> | null
  /** Changes with every beat: a clock may jump, this does not. */
  readonly beat: number | null
  /** Until then it holds without another beat, by the database's clock, ISO 8601. */
  readonly until: string | null
  /**
   * free: nobody holds it, or whose process is gone. held: someone does. overdue: by the clock it is over; that it is free
   * takes watching the beat.
   */
  readonly state: 'free' | 'held' | 'overdue'
}

/** The part of the store that keeps leases. Each throws `run_not_found`. */
export interface LeaseStore {
  lease(id: string): Promise<Lease>
  /** The run is `holder`'s now, unless its lease changed since it was `seen`: then false, and nothing is written. */
  takeRun(id: string, holder: Holder, seen: Lease): Promise<boolean>
  /** A beat for each of the runs; returns those that the holder still has. An unknown run is one that it has not. */
  beatRuns(holder: string, ids: readonly string[]): Promise<readonly string[]>
  /** Nobody's any more; changes nothing when it is somebody else's. */
  releaseRun(id: string, holder: string): Promise<void>
}

export function runHeld(id: string, { holder, until }: Lease): FedError {
  return new FedError('run_held', {
    expected: 'a run that no other coordinator drives',
    received: `${id}, held by ${holder?.name ?? 'nobody any more'}${until === null ? '' : ` until ${until} at least`}`,
    hint: `Stop it there first. One that was killed on another machine is believed gone after ${LEASE_MS / 1000} s`,
  })
}
