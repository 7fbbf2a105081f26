import { FedError } from '../core/errors.ts'
import type { UpdateKey } from './ports.ts'
import { type RunState, roundOf } from './run-state.ts'

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
