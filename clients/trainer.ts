import type { Log } from '../src/protocol/log.ts'
import type { RunOpen, Segment } from '../src/protocol/messages.ts'

/** One virtual client's work in one round, as it was received. */
export interface LocalTask {
  readonly round: number
  readonly client: number
  /** The round's global blocks, by block name. */
  readonly global: ReadonlyMap<string, Float32Array>
  /** What all clients of the round are told besides, by segment name. */
  readonly told: ReadonlyMap<string, Float32Array>
  /** Blocks of the client's own, by block name: they override the global ones. */
  readonly own: ReadonlyMap<string, Float32Array>
  /** Memory of the client's optimizer, by segment name. */
  readonly memory: ReadonlyMap<string, Float32Array>
  /** Extras that were kept for the client, by segment name. */
  readonly kept: ReadonlyMap<string, Float32Array>
  /** Blocks that the client begins from its own random stream. */
  readonly initialise: readonly string[]
  /** Blocks to send back. */
  readonly reply: readonly string[]
  /** What the update has to count, as the coordinator knows it. */
  readonly numExamples: number
  /** Extras to send back after them. */
  readonly extras: readonly Segment[]
}

export interface LocalResult {
  /** By segment name, in the order of the task's `reply`, then its `extras`, then optimizer memory. */
  readonly segments: ReadonlyMap<string, Float32Array>
  readonly numExamples: number
  /** Nats per example, mean over the last local epoch; null where it is not told. */
  readonly trainLoss: number | null
  readonly steps: number
  /** To be called when nobody reads the segments any more: the next task may write where they lie. */
  readonly release?: () => void
}

/**
 * Does the tasks of one run. What it computes depends on the run file and the task alone, never on the process, on
 * earlier tasks or on the attempt: any process can do any task. Called for one task at a time.
 */
export interface Trainer {
  /** Rejects with the signal's reason when it fires. */
  train(task: LocalTask, signal: AbortSignal): Promise<LocalResult>
  dispose(): void
}

export interface TrainerOptions {
  /** Where this machine has the data set, when it is not where the run file says. */
  readonly dataDir?: string | undefined
  /** Engine name; `auto` when left out. */
  readonly engine?: string | undefined
  readonly log: Log
}

/** Makes a trainer for a run that was joined. */
export type PrepareTrainer = (open: Omit<RunOpen, 'inputs'>, options: TrainerOptions) => Promise<Trainer>
