import { FedError } from '../core/errors.ts'
import { admission } from './admission.ts'
import { assignWaiting } from './assignment.ts'
import type { RunOutcome, ServerState } from './ports.ts'
import { quorumOf } from './quorum.ts'
import { quorumMissed } from './quorum-missed.ts'
import {
  type Closing,
  type Effect,
  keyOf,
  type Member,
  mapMembers,
  type RoundPolicy,
  type RunEvent,
  type RunState,
  roundOf,
  type Step,
  tally,
} from './run-state.ts'

/**
 * The round state machine: `transition(state, event, policy) → [state, effects]`. It decides, and runs nothing: no clock,
 * no socket, no arithmetic. One event at a time; every interleaving can be replayed in a unit test.
 */
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
      // A process that died or is stuck has lost its connection, and its tasks with it.
      if (policy.overdue === 'wait' && [...state.members.values()].some(({ kind }) => kind === 'assigned'))
        return [state, [{ type: 'startDeadline', round: event.round, attempt: event.attempt }]]
      return tally(state).completed >= quorumOf(state.members, policy) ? close(state) : shortfall(state, policy)
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

function joined(state: RunState, process: string, slots: number, policy: RoundPolicy): Step {
  // A process that joins again under its name has lost what it had in hand.
  const [cleared] = left(state, process)
  const next = { ...cleared, processes: new Map(cleared.processes).set(process, slots) }
  if (next.phase === 'waiting') return next.server.round >= policy.rounds ? complete(next, policy) : begin(next, policy)
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
  const begun: Effect = { type: 'beginRound', round, cohort }
  const training: RunState = { ...state, phase: 'training', attempt: 1, members }
  if (cohort.length === 0) {
    const [closing, effects] = close(training) // a sample may turn out empty: nobody to wait for
    return [closing, [begun, ...effects]]
  }
  const [next, tasks] = assignWaiting(training)
  return [next, [begun, { type: 'startDeadline', round, attempt: 1 }, ...tasks]]
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
  return completed >= quorumOf(state.members, policy) ? close(state) : shortfall(state, policy)
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
  if (state.attempt <= policy.retries || policy.onShortfall === 'extend') return retry(state)
  // A round of nobody would be a round in name only. (A sample that turned out empty never comes here.)
  const proceeds = policy.onShortfall === 'proceed'
  if (proceeds && tally(state).completed > 0) return close(state)
  return end(state, 'failed', quorumMissed(state, proceeds ? 1 : quorumOf(state.members, policy)))
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
  if (server.round >= policy.rounds) return complete(next, policy)
  if (state.stopping) return end(next, 'stopped')
  return next.processes.size > 0 ? begin(next, policy) : [next, []]
}

function complete(state: RunState, { reason }: RoundPolicy): Step {
  return end(state, 'completed', reason)
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
