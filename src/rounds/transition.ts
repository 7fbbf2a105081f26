import { FedError } from '../core/errors.ts'
import type { ReceivedUpdate, RunOutcome, ServerState, UpdateDecision, UpdateKey } from './ports.ts'

/**
 * The round state machine: `transition(state, event, policy) → [state, effects]`. It decides, and runs nothing: no clock,
 * no socket, no arithmetic. One event at a time; every interleaving can be replayed in a unit test.
 */
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
  /** Updates without which a round does not count. */
  readonly quorum: number
  /** Completed updates that close a round; the cohort is larger when clients are over-selected. */
  readonly wanted: number
  /** Further attempts after a missed quorum. */
  readonly retries: number
  /** What a quorum missed for good does: end the run, keep waiting, or go on with what came. */
  readonly onShortfall: 'fail' | 'extend' | 'proceed'
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

type Step = readonly [RunState, readonly Effect[]]

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

export function transition(state: RunState, event: RunEvent, policy: RoundPolicy): Step {
  if (state.phase === 'ended')
    return event.type === 'updateReceived' ? refuse(state, event, 'run_not_active') : [state, []]
  switch (event.type) {
    case 'processJoined':
      return joined(state, event.process, event.slots, policy)
    case 'processLeft':
      return left(state, event.process)
    case 'updateReceived':
      return received(state, event, policy)
    case 'updateRefused':
      return refused(state, event, policy)
    case 'deadlinePassed':
      if (state.phase !== 'training' || event.round !== roundOf(state) || event.attempt !== state.attempt)
        return [state, []]
      return tally(state).completed >= policy.quorum ? close(state) : shortfall(state, policy)
    case 'roundClosed':
      return closed(state, event.server, policy)
    case 'stopRequested':
      return state.phase === 'closing' ? [{ ...state, stopping: true }, []] : end(state, 'stopped')
    case 'failed':
      return end(state, 'failed', event.error)
    default:
      return event satisfies never
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

/**
 * May an update for `key` be sent? Also asked before a large body travels. An earlier attempt of the same round is as
 * good as the present one: the task was the same, and so is its result.
 */
export function admission(state: RunState, key: UpdateKey): FedError | null {
  const round = roundOf(state)
  const current = `round ${round}`
  const given = `round ${key.round}`
  if (state.phase === 'ended') return new FedError('run_not_active', { received: given })
  if (state.settled.has(key.client) && key.round === state.server.round) return null
  if (key.round < round)
    return new FedError(key.round === round - 1 ? 'round_closed' : 'stale_round', {
      expected: current,
      received: given,
    })
  if (key.round > round || state.phase === 'waiting')
    return new FedError('future_round', { expected: current, received: given })
  const member = state.members.get(key.client)
  if (!member)
    return new FedError('not_in_cohort', {
      expected: `one of the ${state.members.size} clients of ${current}`,
      received: `client ${key.client}`,
    })
  if (member.kind === 'rejected') return new FedError('update_refused', { received: member.error.code })
  if (state.phase === 'closing' && member.kind !== 'completed')
    return new FedError('round_closed', {
      expected: `an update before ${current} closed`,
      received: `client ${key.client}`,
    })
  return null
}

function joined(state: RunState, process: string, slots: number, policy: RoundPolicy): Step {
  // A process that joins again under its name has lost what it had in hand.
  const [cleared] = left(state, process)
  const next = { ...cleared, processes: new Map(cleared.processes).set(process, slots) }
  if (next.phase === 'waiting') return next.server.round >= policy.rounds ? end(next, 'completed') : begin(next, policy)
  return next.phase === 'training' ? assignWaiting(next) : [next, []]
}

function left(state: RunState, process: string): Step {
  const processes = new Map(state.processes)
  processes.delete(process)
  // Its finished updates stay counted; only what it had in hand goes to others.
  const members = mapMembers(state.members, member =>
    member.kind === 'assigned' && member.process === process ? { kind: 'waiting' } : member,
  )
  const next = { ...state, processes, members }
  return next.phase === 'training' ? assignWaiting(next) : [next, []]
}

function begin(state: RunState, policy: RoundPolicy): Step {
  const round = roundOf(state)
  const cohort = [...policy.cohort(round)].sort((a, b) => a - b)
  const members = new Map(cohort.map(client => [client, { kind: 'waiting' } as Member]))
  const [next, tasks] = assignWaiting({ ...state, phase: 'training', attempt: 1, members })
  return [next, [{ type: 'beginRound', round, cohort }, { type: 'startDeadline', round, attempt: 1 }, ...tasks]]
}

/** Gives each waiting member, in client order, to the process with the fewest tasks in hand that has a free slot. */
function assignWaiting(state: RunState): Step {
  const inHand = new Map([...state.processes.keys()].map(process => [process, 0]))
  for (const member of state.members.values())
    if (member.kind === 'assigned') inHand.set(member.process, (inHand.get(member.process) ?? 0) + 1)
  const members = new Map(state.members)
  const effects: Effect[] = []
  for (const [client, member] of state.members) {
    if (member.kind !== 'waiting') continue
    const process = leastLoaded(state.processes, inHand)
    if (process === null) break
    inHand.set(process, (inHand.get(process) ?? 0) + 1)
    members.set(client, { kind: 'assigned', process })
    effects.push({ type: 'assign', process, key: keyOf(state, client), server: state.server })
  }
  return [{ ...state, members }, effects]
}

function leastLoaded(processes: ReadonlyMap<string, number>, inHand: ReadonlyMap<string, number>): string | null {
  let best: string | null = null
  let least = Number.POSITIVE_INFINITY
  for (const [process, slots] of processes) {
    const load = inHand.get(process) ?? 0
    if (load < slots && load < least) [best, least] = [process, load]
  }
  return best
}

function received(state: RunState, event: Extract<RunEvent, { type: 'updateReceived' }>, policy: RoundPolicy): Step {
  const { key, update, ticket } = event
  const refusal = admission(state, key)
  if (refusal) return [state, [answer(state, ticket, refusal)]]
  const member = state.members.get(key.client)
  const known =
    key.round === state.server.round
      ? state.settled.get(key.client)
      : member?.kind === 'completed'
        ? member.update.fingerprint
        : undefined
  if (known !== undefined) {
    if (known === update.fingerprint) return [state, [answer(state, ticket, null, true)]]
    return refuse(state, event, 'duplicate_conflict')
  }
  const members = new Map(state.members).set(key.client, { kind: 'completed', update })
  // Another process may have the same task in hand, if the sender was lost for a while.
  const elsewhere: Effect[] =
    member?.kind === 'assigned' && member.process !== update.process
      ? [{ type: 'withdraw', process: member.process, key: keyOf(state, key.client) }]
      : []
  const [next, effects] = settle({ ...state, members }, policy)
  return [next, [answer(state, ticket, null), ...elsewhere, ...effects]]
}

function refused(state: RunState, event: Extract<RunEvent, { type: 'updateRefused' }>, policy: RoundPolicy): Step {
  const { key, process, error } = event
  const member = state.members.get(key.client)
  // Only the process that has the task can spoil it; anyone else's bad message is answered and forgotten.
  if (
    state.phase !== 'training' ||
    key.round !== roundOf(state) ||
    member?.kind !== 'assigned' ||
    member.process !== process
  )
    return [state, []]
  return settle(
    { ...state, members: new Map(state.members).set(key.client, { kind: 'rejected', process, error }) },
    policy,
  )
}

/** After every answer: enough updates, or nobody left to wait for, closes the round; else the next task goes out. */
function settle(state: RunState, policy: RoundPolicy): Step {
  const { completed, open } = tally(state)
  if (completed >= policy.wanted) return close(state)
  if (open > 0) return assignWaiting(state)
  return completed >= policy.quorum ? close(state) : shortfall(state, policy)
}

function close(state: RunState): Step {
  const withdrawn: Effect[] = []
  for (const [client, member] of state.members)
    if (member.kind === 'assigned')
      withdrawn.push({ type: 'withdraw', process: member.process, key: keyOf(state, client) })
  const closing: Closing = {
    round: roundOf(state),
    attempt: state.attempt,
    server: state.server,
    members: state.members,
  }
  return [{ ...state, phase: 'closing' }, [...withdrawn, { type: 'closeRound', closing }]]
}

function shortfall(state: RunState, policy: RoundPolicy): Step {
  const { completed } = tally(state)
  if (state.attempt <= policy.retries || policy.onShortfall === 'extend') return retry(state)
  if (policy.onShortfall === 'proceed') return close(state)
  return end(
    state,
    'failed',
    new FedError('quorum_missed', {
      expected: `${policy.quorum} updates in round ${roundOf(state)}`,
      received: `${completed} after ${state.attempt} attempts`,
      hint: 'Raise round.deadlineSeconds or round.retries, lower round.quorum, or set round.onShortfall; then resume the run.',
    }),
  )
}

/** A new attempt keeps the updates that came, asks the refused again, and takes overdue tasks from whoever holds them. */
function retry(state: RunState): Step {
  const attempt = state.attempt + 1
  const overdue: Effect[] = []
  for (const [client, member] of state.members)
    if (member.kind === 'assigned')
      overdue.push({ type: 'withdraw', process: member.process, key: keyOf(state, client) })
  const members = mapMembers(state.members, member => (member.kind === 'completed' ? member : { kind: 'waiting' }))
  // Those who kept us waiting go last, so that another process gets the task if there is one.
  const slow = new Set(overdue.map(effect => (effect.type === 'withdraw' ? effect.process : '')))
  const processes = new Map([...state.processes].sort(([a], [b]) => Number(slow.has(a)) - Number(slow.has(b))))
  const [next, tasks] = assignWaiting({ ...state, attempt, members, processes })
  return [next, [...overdue, { type: 'startDeadline', round: roundOf(state), attempt }, ...tasks]]
}

function closed(state: RunState, server: ServerState, policy: RoundPolicy): Step {
  if (state.phase !== 'closing') return [state, []]
  const settled = new Map<number, string>()
  for (const [client, member] of state.members)
    if (member.kind === 'completed') settled.set(client, member.update.fingerprint)
  const next: RunState = { ...state, phase: 'waiting', server, members: new Map(), settled, attempt: 1 }
  if (server.round >= policy.rounds) return end(next, 'completed')
  if (state.stopping) return end(next, 'stopped')
  return next.processes.size > 0 ? begin(next, policy) : [next, []]
}

function end(state: RunState, outcome: RunOutcome, error?: FedError): Step {
  return [{ ...state, phase: 'ended', members: new Map() }, [{ type: 'endRun', outcome, ...(error && { error }) }]]
}

function refuse(
  state: RunState,
  { ticket, key }: Extract<RunEvent, { type: 'updateReceived' }>,
  code: 'run_not_active' | 'duplicate_conflict',
): Step {
  return [state, [answer(state, ticket, new FedError(code, { received: `client ${key.client}, round ${key.round}` }))]]
}

function answer(state: RunState, ticket: number, error: FedError | null, duplicate = false): Effect {
  const round = roundOf(state)
  return { type: 'answer', ticket, decision: error ? { ok: false, error, round } : { ok: true, duplicate, round } }
}

function keyOf(state: RunState, client: number): UpdateKey {
  return { round: roundOf(state), attempt: state.attempt, client }
}

function mapMembers(
  members: ReadonlyMap<number, Member>,
  change: (member: Member) => Member,
): ReadonlyMap<number, Member> {
  return new Map([...members].map(([client, member]) => [client, change(member)]))
}
