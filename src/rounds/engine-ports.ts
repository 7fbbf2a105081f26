import type { FedError } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import type { AveragedRound, MeasuredRound, RoundJob } from './closed-round.ts'
import type {
  CheckpointStore,
  ClientGateway,
  Clock,
  GatewayEvents,
  RunNotice,
  RunOutcome,
  ServerState,
  Store,
  Task,
  UpdateKey,
} from './ports.ts'
import type { RoundPolicy } from './run-state.ts'

export interface EngineRun {
  readonly id: string
  readonly layout: LayerLayout
  readonly deadlineMs: number
  readonly policy: RoundPolicy
  readonly server: ServerState
  /** The clients, of those that completed a round, whose models are kept. */
  kept(round: number, completed: readonly number[]): readonly number[]
  /** What to send to a client in the round after `server`. */
  task(key: UpdateKey, server: ServerState): Task
}

export interface EnginePorts {
  readonly store: Pick<Store, 'commitRound'>
  readonly checkpoints: Pick<CheckpointStore, 'save' | 'saveModel' | 'prune'>
  readonly clock: Clock
  /** The compute worker, off this thread: from the updates to the new state … */
  average(job: RoundJob): Promise<AveragedRound>
  /** … and what is to be known about the round averaged before. */
  measure(round: number): Promise<MeasuredRound>
  openGateway(events: GatewayEvents): ClientGateway
  notify(notice: RunNotice): void
  /** The first round begins: told once, with the time that its record will have. */
  began?(at: Date): void
}

export interface RoundEngine {
  /** Ends the run: at once while clients train, else after the round that is being closed. */
  stop(): void
  /** Ends the run as failed, without another row in the database. */
  abandon(error: FedError): void
  /** Never rejects: a failed run resolves with its error. */
  readonly ended: Promise<{ readonly outcome: RunOutcome; readonly error: FedError | null }>
}
