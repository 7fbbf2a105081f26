import type { FedError } from '../core/errors.ts'
import type { LayerLayout, Params } from '../core/layout.ts'
import type {
  BarrierRecord,
  CheckpointRecord,
  ClientRecord,
  MetricRecord,
  RoundRecord,
  RunRecord,
  UpdateRecord,
} from '../core/records.ts'
import type { StateTree } from '../core/state-tree.ts'

/** What round t leaves for round t + 1. One value, so that parameters and round number cannot disagree. */
export interface ServerState {
  /** The last complete round; 0 is the initial model. */
  readonly round: number
  /** The global model, float32[layout.size]. */
  readonly params: Params
  readonly strategy: StateTree
  /** Layers (and optimizer memory) that a virtual client keeps for itself, by client, then by segment name. */
  readonly clients: ReadonlyMap<number, ClientState>
}

/** Segment name → float32: "block/fc3" is a layer of the client's own, "momentum/fc1" memory of its optimizer. */
export type ClientState = ReadonlyMap<string, Float32Array>

/** Everything that one round adds to the database; written in one transaction, or not at all. */
export interface RoundCommit {
  readonly round: RoundRecord
  readonly updates: readonly UpdateRecord[]
  readonly metrics: readonly MetricRecord[]
  readonly barriers: readonly BarrierRecord[]
  readonly checkpoint: CheckpointRecord
}

export interface NewRun {
  readonly id: string
  readonly name: string
  readonly seed: number
  readonly rounds: number
  /** The run file as it was validated, JSON. */
  readonly runFile: unknown
  /** SHA-256 of the join token, hex. */
  readonly joinTokenHash: string
}

export type RunPatch = Partial<
  Pick<RunRecord, 'status' | 'engine' | 'parameters' | 'layers' | 'error' | 'startedAt' | 'endedAt'> & {
    readonly joinTokenHash: string
  }
>

export interface Page<T> {
  readonly items: readonly T[]
  /** Opaque; null when this was the last page. */
  readonly nextCursor: string | null
}

export interface PageQuery {
  readonly cursor?: string | undefined
  /** 1 … 1000. */
  readonly limit: number
}

export interface MetricQuery extends PageQuery {
  readonly key?: string | undefined
  readonly layer?: string | undefined
  readonly client?: number | undefined
  readonly split?: 'train' | 'test' | undefined
  /** First and last round, inclusive. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export interface BarrierQuery extends PageQuery {
  readonly path?: BarrierRecord['path'] | undefined
  readonly layer?: string | undefined
  readonly round?: number | undefined
  readonly split?: 'train' | 'test' | undefined
}

/**
 * The database. Lists are in the order of their natural key (runs: newest first; the rest: round, then the order in
 * which a round's rows were given). `run_not_found` is thrown for an unknown run by every method that takes one.
 */
export interface Store {
  createRun(run: NewRun): Promise<RunRecord>
  updateRun(id: string, patch: RunPatch): Promise<RunRecord>
  /** Stored once, when the run first opens: the partition's label counts. */
  saveClients(id: string, clients: readonly ClientRecord[]): Promise<void>
  /** Also moves the run's finalRound. A round that is already there is `run_conflict`, and nothing is written. */
  commitRound(id: string, commit: RoundCommit): Promise<void>

  run(id: string): Promise<RunRecord>
  runFile(id: string): Promise<unknown>
  joinTokenHash(id: string): Promise<string>
  runs(query: PageQuery & { readonly status?: RunRecord['status'] | undefined }): Promise<Page<RunRecord>>
  rounds(id: string, query: PageQuery): Promise<Page<RoundRecord>>
  /** `round_not_found` when there is none. */
  round(id: string, round: number): Promise<RoundRecord>
  updates(id: string, round: number, query: PageQuery): Promise<Page<UpdateRecord>>
  metrics(id: string, query: MetricQuery): Promise<Page<MetricRecord>>
  barriers(id: string, query: BarrierQuery): Promise<Page<BarrierRecord>>
  clients(id: string, query: PageQuery): Promise<Page<ClientRecord>>
  latestCheckpoint(id: string): Promise<CheckpointRecord | null>
  /** Rejects when the database cannot be reached. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Checkpoint files. Written to a temporary name, synced, renamed; read back only when the hash fits. */
export interface CheckpointStore {
  save(run: string, state: ServerState, layout: LayerLayout): Promise<CheckpointRecord>
  /** Throws `checkpoint_invalid` when a file is missing, damaged, or of another layout. */
  load(record: CheckpointRecord, layout: LayerLayout): Promise<ServerState>
  /** Absolute path of a stored model file. */
  path(record: CheckpointRecord): string
  /** Deletes the files of rounds before `round`. */
  prune(run: string, round: number): Promise<void>
}

/** Monotonic milliseconds, wall time, and timers: injected, so that tests own the clock. */
export interface Clock {
  now(): number
  date(): Date
  after(ms: number, fire: () => void): { cancel(): void }
}

export type RunOutcome = 'completed' | 'stopped' | 'failed'

/** Something that happened in a run, as REST's event stream tells it. */
export type RunNotice =
  | { readonly type: 'status'; readonly run: string; readonly status: RunRecord['status']; readonly error?: FedError }
  | {
      readonly type: 'round'
      readonly run: string
      readonly record: RoundRecord
      readonly barriers: readonly BarrierRecord[]
    }
  | {
      readonly type: 'progress'
      readonly run: string
      readonly round: number
      readonly completed: number
      readonly selected: number
      readonly phase: string
    }
