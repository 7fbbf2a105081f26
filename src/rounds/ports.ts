import type { Assignment } from '../core/assign.ts'
import type { FedError } from '../core/errors.ts'
import type { LayerLayout, Params } from '../core/layout.ts'
import type { MetricKey } from '../core/metric-keys.ts'
import type {
  BarrierRecord,
  CheckpointRecord,
  ClientRecord,
  MetricRecord,
  ModelRecord,
  ProbeRecord,
  RoundRecord,
  RunRecord,
  StoredStatus,
  UpdateRecord,
} from '../core/records.ts'
import type { StateTree } from '../core/state-tree.ts'
import type { Segment } from '../protocol/messages.ts'
import type { Holder, LeaseStore } from './lease-ports.ts'
import type { ProbeStore } from './probe-ports.ts'

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
  /** Kept for later probes. */
  readonly models: readonly ModelRecord[]
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
  /** Who drives it. */
  readonly holder: Holder
}

export type RunPatch = Partial<
  Pick<
    RunRecord,
    'engine' | 'dataSha256' | 'modelSourceSha256' | 'parameters' | 'layers' | 'error' | 'startedAt' | 'endedAt'
  > & {
    readonly status: StoredStatus
    readonly joinTokenHash: string
    /** The same with its files in another place. */
    readonly runFile: unknown
    /** Nobody drives it any more. */
    readonly holder: null
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
  readonly key?: MetricKey | undefined
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
  /** Only what this probe measured. */
  readonly probe?: number | undefined
}

export interface ModelQuery extends PageQuery {
  readonly round?: number | undefined
}

/**
 * The database. Lists are in the order of their natural key (runs: newest first; the rest: round, then the order in
 * which a round's rows were given). `run_not_found` is thrown for an unknown run by every method that takes one.
 */
export interface Store extends ProbeStore, LeaseStore {
  createRun(run: NewRun): Promise<RunRecord>
  /** `by`: only while that holder has the run, else `run_held`. */
  updateRun(id: string, patch: RunPatch, by?: string): Promise<RunRecord>
  /** Stored once, when the run first opens: the partition's label counts. */
  saveClients(id: string, clients: readonly ClientRecord[]): Promise<void>
  /**
   * Also moves the run's finalRound. A round that is already there is `run_conflict`, a run that is not `by`'s any more
   * `run_held`, and nothing is written.
   */
  commitRound(id: string, commit: RoundCommit, by?: string): Promise<void>
  /** Writes that wait for their turn, or are being written. */
  queuedWrites(): Promise<number>

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
  /** Of one round, or all. */
  models(id: string, query: ModelQuery): Promise<Page<ModelRecord>>
  latestCheckpoint(id: string): Promise<CheckpointRecord | null>
  /** The last checkpoint of a round before `round`. */
  checkpointBefore(id: string, round: number): Promise<CheckpointRecord | null>
  /** Forgets every round after `round`, its rows and its checkpoint: they will be run again. */
  rollBack(id: string, round: number): Promise<void>
  /** Rejects when the database cannot be reached. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface KeptModel {
  readonly round: number
  /** null: the global model. */
  readonly client: number | null
  readonly params: Params
}

/** Checkpoint files. Written to a temporary name, synced, renamed; read back only when the hash fits. */
export interface CheckpointStore {
  save(run: string, state: ServerState, layout: LayerLayout): Promise<CheckpointRecord>
  /** Throws `checkpoint_invalid` when a file is missing, damaged, or of another layout. */
  load(record: CheckpointRecord, layout: LayerLayout): Promise<ServerState>
  /** Absolute path of a stored model file. */
  path(record: Pick<CheckpointRecord, 'file'>): string
  /** A single model, which `prune` leaves alone. */
  saveModel(run: string, model: KeptModel, layout: LayerLayout): Promise<ModelRecord>
  /** float32[layout.size] on shared memory. Throws like `load`. */
  loadModel(record: ModelRecord, layout: LayerLayout): Promise<Params>
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
  | {
      readonly type: 'status'
      readonly run: string
      readonly status: StoredStatus
      readonly error?: FedError
    }
  | {
      readonly type: 'round'
      readonly run: string
      readonly record: RoundRecord
      readonly barriers: readonly BarrierRecord[]
      /** Of the round's updates; of its global blocks and tasks. */
      readonly bytes: { readonly up: number; readonly down: number }
      /** What the rounds so far gave away of a client; absent without `privacy:`. */
      readonly epsilon?: number | undefined
      /** Clients of the rejected whose local training left the finite numbers. */
      readonly trainingDiverged?: number | undefined
      /** Over how many models the record's loss and accuracy are the mean; absent where they were not measured. */
      readonly models?: number | undefined
    }
  | {
      readonly type: 'progress'
      readonly run: string
      readonly round: number
      readonly completed: number
      readonly selected: number
      readonly phase: string
    }
  | { readonly type: 'probe'; readonly run: string; readonly probe: ProbeRecord }
  /** Something that whoever uses the result should know. */
  | { readonly type: 'warning'; readonly run: string; readonly round?: number | undefined; readonly message: string }

/** Someone's offer of an update, as the gateway read it: parsed, complete, and checked against the layout. */
export interface ReceivedUpdate {
  readonly client: number
  readonly process: string
  readonly numExamples: number
  /** NaN where the client did not tell. */
  readonly trainLoss: number
  readonly steps: number
  readonly trainMs: number
  /** Segment name → float32 view of the received body, which is a SharedArrayBuffer so that threads need no copy. */
  readonly segments: ReadonlyMap<string, Float32Array>
  /** Checksum of body and segments: tells a repeated upload from a conflicting one. */
  readonly fingerprint: string
  readonly bytes: number
  /** When its first message arrived, monotonic milliseconds. */
  readonly openedAt: number
  /** Gives the body's memory back, once: called for a counted update when nothing will read its segments again. */
  release(): void
}

export interface UpdateKey {
  readonly round: number
  readonly attempt: number
  readonly client: number
}

export type UpdateDecision =
  | { readonly ok: true; readonly duplicate: boolean; readonly round: number }
  | { readonly ok: false; readonly error: FedError; readonly round: number }

/** What one run asks of its client processes; all calls return at once, sending happens behind them. */
export interface ClientGateway {
  /** Sends the global blocks (once to each process and round) and the task. */
  assign(process: string, task: Task): void
  withdraw(process: string, task: { readonly round: number; readonly client: number }): void
  end(outcome: RunOutcome, message?: string): void
  /** Bytes of global blocks and tasks sent in the round so far. */
  bytesDown(round: number): number
}

export interface Task extends UpdateKey {
  readonly server: ServerState
  /** The client's own segments; blocks among them override the global ones. */
  readonly own: ClientState
  readonly initialise: readonly string[]
  readonly reply: readonly string[]
  /** What the update has to count: the client's training examples, 1 where they are secret. */
  readonly numExamples: number
  /** To send back too, after the blocks. */
  readonly extras?: readonly Segment[] | undefined
  /** Bytes of what is not the client's own, and it has not got yet: see `fetched`. */
  readonly fetches: number
}

/** What the gateway tells a run. */
export interface GatewayEvents {
  joined(process: string, slots: number): void
  left(process: string): void
  /** The decision is the ack: it resolves after the state machine has decided. */
  update(key: UpdateKey, update: ReceivedUpdate): Promise<UpdateDecision>
  /** A message about `client` was refused at the edge, or the client gave up; `error` becomes the reason. */
  refused(key: UpdateKey, process: string, error: FedError): void
  /** May this update be sent at all? Asked on its first part, before anything is buffered. */
  admit(key: UpdateKey): FedError | null
  /** The task reached the process. */
  delivered(key: UpdateKey): void
}

/** A run that client processes may join. */
export interface JoinableRun {
  readonly run: RunRecord
  readonly joinToken: string
  /** ISO 8601; null when the token opens for as long as the run is active. */
  readonly joinTokenExpiresAt: string | null
}

export interface ResumeOptions {
  /** Where the run's data or model are now; refused where they are no other place of the same. */
  readonly moves?: readonly Assignment[] | undefined
  /** Go on also where another engine computed the rounds so far. */
  readonly allowEngineChange?: boolean | undefined
}

/** What REST and the command line ask of the running coordinator. */
export interface RunService {
  /** Validates, stores and opens a run; it begins when a client process joins. The token is shown only here. */
  create(runFile: unknown): Promise<JoinableRun>
  /** Ends a run after the round it is in, or at once when it waits; `run_not_active` if it already ended. */
  stop(id: string): Promise<RunRecord>
  /**
   * Opens a stopped, failed or interrupted run again after its last complete round, with a new token. `run_held` while
   * another coordinator drives it; `engine_mismatch` where another engine than this one computed that round, unless
   * `allowEngineChange`: the rounds to come then have other bits than they would have had.
   */
  resume(id: string, options?: ResumeOptions): Promise<JoinableRun>
  /**
   * Gives an active run a new token and revokes the one before. Processes that have joined stay, unless `drop`: then they
   * are disconnected, and only the new token lets them in again. `run_not_active` if the run has ended.
   */
  renewToken(id: string, options: { readonly drop: boolean }): Promise<JoinableRun>
  /** Calls `listener` with what happens from now on; returns the way to stop listening. */
  subscribe(id: string, listener: (notice: RunNotice) => void): () => void
}
