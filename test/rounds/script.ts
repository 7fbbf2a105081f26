import type { ReceivedUpdate, ServerState, UpdateKey } from '../../src/rounds/ports.ts'
import {
  type Effect,
  initialState,
  type RoundPolicy,
  type RunEvent,
  type RunState,
  roundOf,
} from '../../src/rounds/run-state.ts'
import { transition } from '../../src/rounds/transition.ts'

/** What tests of the state machine need: a policy, made-up updates, and a way to play events and look at the effects. */
export function serverAt(round: number): ServerState {
  return { round, params: Float32Array.of(round), strategy: null, clients: new Map() }
}

export function policyWith(changes: Partial<RoundPolicy> = {}): RoundPolicy {
  return {
    rounds: 3,
    quorum: 1,
    everyone: false,
    overdue: 'drop',
    wanted: 2,
    retries: 0,
    onShortfall: 'fail',
    onDivergence: 'fail',
    cohort: round => [round, round + 10],
    ...changes,
  }
}

export function updateOf(client: number, process: string, fingerprint = 'same'): ReceivedUpdate {
  const told = { client, process, fingerprint, numExamples: 1, trainLoss: 0, steps: 1, trainMs: 1 }
  return { ...told, segments: new Map(), bytes: 4, openedAt: 0, release() {} }
}

export interface Script {
  readonly state: RunState
  readonly effects: readonly Effect[]
}

export function begin(server = serverAt(0)): Script {
  return { state: initialState(server), effects: [] }
}

/** Plays events one after the other; `effects` are those of the last call only. */
export function play(script: Script, policy: RoundPolicy, ...events: readonly RunEvent[]): Script {
  let { state } = script
  const effects: Effect[] = []
  for (const event of events) {
    const [next, caused] = transition(state, event, policy)
    state = next
    effects.push(...caused)
  }
  return { state, effects }
}

export const join = (process: string, slots = 10): RunEvent => ({ type: 'processJoined', process, slots })
export const leave = (process: string): RunEvent => ({ type: 'processLeft', process })
export const send = (key: UpdateKey, process: string, fingerprint?: string, ticket = 0): RunEvent => ({
  type: 'updateReceived',
  ticket,
  key,
  update: updateOf(key.client, process, fingerprint),
})
export const key = (round: number, client: number, attempt = 1): UpdateKey => ({ round, client, attempt })

export function ofType<T extends Effect['type']>(effects: readonly Effect[], type: T) {
  return effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type)
}

/** The codes of the answers, 'ok' for counted, 'duplicate' for counted before. */
export function answers(effects: readonly Effect[]): readonly string[] {
  return ofType(effects, 'answer').map(({ decision }) =>
    decision.ok ? (decision.duplicate ? 'duplicate' : 'ok') : decision.error.code,
  )
}

export { roundOf }
