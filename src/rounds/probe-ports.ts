import type { BarrierRecord, ProbeRecord } from '../core/records.ts'
import type { Page, PageQuery } from './ports.ts'

// What probes of rounds that are over ask of the edges, and what the edges ask of them.

export interface NewProbe {
  /** JSON. */
  readonly request: ProbeRecord['request']
  readonly total: number
}

export type ProbePatch = Partial<Pick<ProbeRecord, 'status' | 'done' | 'error' | 'startedAt' | 'endedAt'>>

/** The part of the store that keeps probes. Lists are in the order of creation. */
export interface ProbeStore {
  /** Queued, with the next number of its run. `run_not_found`. */
  createProbe(id: string, probe: NewProbe): Promise<ProbeRecord>
  /**
   * Changes a probe that is queued or running, and notes that somebody looks after it. `probe_not_found`, and
   * `probe_not_active` when it has ended: whoever ended it first decides.
   */
  updateProbe(id: string, probe: number, patch: ProbePatch): Promise<ProbeRecord>
  /** Adds barriers that a probe measured of a round, all or none, once. `run_not_found`, `round_not_found`. */
  addBarriers(id: string, probe: number, barriers: readonly BarrierRecord[]): Promise<void>
  /** `probe_not_found` when there is none. */
  probe(id: string, probe: number): Promise<ProbeRecord>
  probes(id: string, query: PageQuery): Promise<Page<ProbeRecord>>
  /** Fails every probe that is queued or running though nobody has updated it since `before`; returns how many. */
  failForsaken(before: Date, error: NonNullable<ProbeRecord['error']>): Promise<number>
}

/** What REST and the command line ask of whoever carries out probes. */
export interface ProbeService {
  /**
   * Checks the request against the run and what it kept, and queues it. Throws `input_invalid`, `run_not_found`,
   * `round_not_found`, `probe_models_missing`, `layer_unknown`, `rate_limited`.
   */
  create(run: string, request: unknown): Promise<ProbeRecord>
  /** Ends a probe between two batches; what it has stored stays. `probe_not_found`, `probe_not_active`. */
  cancel(run: string, probe: number): Promise<ProbeRecord>
}
