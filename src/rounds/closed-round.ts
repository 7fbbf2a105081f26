import type { Evaluation } from '../analysis/evaluation.ts'
import type { BarrierRecord, MetricRecord } from '../core/records.ts'
import type { ClientUpdate } from './client-models.ts'
import type { ServerState } from './ports.ts'

// What closing a round starts from, and what its two halves give.

export interface RoundJob {
  readonly round: number
  /** The state that the round began with. */
  readonly server: ServerState
  /** In client order. None at all leaves the model as it was. */
  readonly updates: readonly (ClientUpdate & { readonly numExamples: number })[]
}

/** What the next round needs of this one. */
export interface AveragedRound {
  /** That averaged, and will measure. */
  readonly engine: string
  readonly server: ServerState
  /** Layer blocks averaged, input to output. */
  readonly averaged: readonly string[]
  /** Names of the segments that the method needs of each client for that; what else clients send is theirs, kept for them. */
  readonly collected: readonly string[]
  /**
   * By client, of those whose models the run keeps: as the round compared them, where that is not as they were sent
   * (`strategy.align`); null where it is.
   */
  readonly aligned: ReadonlyMap<number, Float32Array> | null
  /** Milliseconds. */
  readonly aggregateMs: number
}

/** The mean over the models that there are, on the central test set: of one, unless layers stay local. */
export interface CentralEvaluation extends Evaluation {
  /** Evaluated; and of them without a finite loss, which leaves none to the mean either. */
  readonly models: { readonly all: number; readonly diverged: number }
}

/** What is found out about the round, while the next one may already be under way. */
export interface MeasuredRound {
  /** null in rounds that the run file leaves out, and of nobody where clients have models of their own. */
  readonly evaluation: CentralEvaluation | null
  readonly metrics: readonly MetricRecord[]
  readonly barriers: readonly BarrierRecord[]
  readonly evaluateMs: number
  readonly probeMs: number
}

/** A member of the cohort: its model as trained, and the same client's model once the round is averaged. */
export interface Trained {
  readonly client: number
  readonly numExamples: number
  readonly before: Float32Array
  readonly after: Float32Array
}

/** A round that was averaged and is still to be measured. Stays in the compute worker. */
export interface OpenRound {
  readonly job: RoundJob
  readonly result: AveragedRound
  readonly trained: readonly Trained[]
}
