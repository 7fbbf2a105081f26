import type { FedError } from '../core/errors.ts'
import type { ReceivedUpdate, RunOutcome, ServerState, UpdateDecision, UpdateKey } from './ports.ts'

// The words of the round state machine: what it knows, what can happen, and what it asks for.

export type Member =
  /** No process has the task. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'assigned'; readonly process: string }
  | { readonly kind: 'completed'; readonly update: ReceivedUpdate }
  | { readonly kind: 'rejected'; readonly process: string; readonly error: FedError }

export interface RunState {
  /**
   * waiting: no client process is there to begin the next round; training: tasks are out; closing: the cohort is fixed
   * and being aggregated; ended: nothing more will happen.
   */
  readonly phase: 'waiting' | 'training' | 'closing' | 'ended'
  /** Parameters and round number always travel as one value, so no client can get the one without the other. */
  readonly server: ServerState
  /** 1, 2, …: a deadline belongs to one attempt, so that an abandoned one's cannot close the next. */
  readonly attempt: number
  /** Process → how many tasks it takes in hand. In the order of joining. */
  readonly processes: ReadonlyMap<string, number>
  /** The cohort of the round in progress, by client, ascending. */
  readonly members: ReadonlyMap<number, Member>
  /** Fingerprints of the last closed round: a repeated upload whose ack was lost is still answered as counted. */
  readonly settled: ReadonlyMap<number, string>
  readonly stopping: boolean
}

export interface RoundPolicy {
  readonly rounds: number
  /** Why these are fewer than the run file asks for; absent when they are all. */
  readonly reason?: FedError | undefined
  /** Updates without which a round does not count; where the cohort is smaller, all of it. */
  readonly quorum: number
  /**
   * A round also needs every client that is not refused for something that it would do again: then who is in the model does
   * not depend on who was fast.
   */
  readonly everyone: boolean
  /** What a deadline does to a task that a connected process still has in hand: give it up, or go on waiting. */
  readonly overdue: 'drop' | 'wait'
  /** Completed updates that close a round; the cohort is larger when clients are over-selected. */
  readonly wanted: number
  /** Further attempts after a missed quorum. */
  readonly retries: number
  /** What a quorum missed for good does: end the run, keep waiting, or go on with what came. */
  readonly onShortfall: 'fail' | 'extend' | 'proceed'
  /** What a round whose central loss is not finite does: end the run behind itself, or nothing. */
  readonly onDivergence: 'fail' | 'continue'
  /** The cohort of a round: pure, so a resumed run chooses the same. */
  cohort(round: number): readonly number[]
}

export type RunEvent =
  | { readonly type: 'processJoined'; readonly process: string; readonly slots: number }
  | { readonly type: 'processLeft'; readonly process: string }
  | {
      readonly type: 'updateReceived'
      readonly ticket: number
      readonly key: UpdateKey
      readonly update: ReceivedUpdate
    }
  | { readonly type: 'updateRefused'; readonly key: UpdateKey; readonly process: string; readonly error: FedError }
  | { readonly type: 'deadlinePassed'; readonly round: number; readonly attempt: number }
  | { readonly type: 'roundClosed'; readonly server: ServerState }
  | { readonly type: 'stopRequested' }
  | { readonly type: 'failed'; readonly error: FedError }

export interface Closing {
  readonly round: number
  readonly attempt: number
  readonly server: ServerState
  readonly members: ReadonlyMap<number, Member>
}

export type Effect =
  | { readonly type: 'beginRound'; readonly round: number; readonly cohort: readonly number[] }
  | { readonly type: 'assign'; readonly process: string; readonly key: UpdateKey; readonly server: ServerState }
  | { readonly type: 'withdraw'; readonly process: string; readonly key: UpdateKey }
  | { readonly type: 'startDeadline'; readonly round: number; readonly attempt: number }
  /** Becomes the ack, which is never sent before the decision. */
  | { readonly type: 'answer'; readonly ticket: number; readonly decision: UpdateDecision }
  | { readonly type: 'closeRound'; readonly closing: Closing }
  | { readonly type: 'endRun'; readonly outcome: RunOutcome; readonly error?: FedError }

/** What a step of the machine gives. */
export type Step = readonly [RunState, readonly Effect[]]

export function initialState(server: ServerState): RunState {
  return {
    phase: 'waiting',
    server,
    attempt: 1,
    processes: new Map(),
    members: new Map(),
    settled: new Map(),
    stopping: false,
  }
}

/** The round in progress, or the next one while waiting. */
export function roundOf(state: RunState): number {
  return state.server.round + 1
}

export function tally(state: Pick<RunState, 'members'>): { completed: number; rejected: number; open: number } {
  const count = { completed: 0, rejected: 0, open: 0 }
  for (const { kind } of state.members.values()) count[kind === 'completed' || kind === 'rejected' ? kind : 'open']++
  return count
}

export function keyOf(state: RunState, client: number): UpdateKey {
  return { round: roundOf(state), attempt: state.attempt, client }
}

export function mapMembers(
  members: ReadonlyMap<number, Member>,
  change: (member: Member) => Member,
): ReadonlyMap<number, Member> {
  return new Map([...members].map(([client, member]) => [client, change(member)]))
}
