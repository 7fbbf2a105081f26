import { FedError } from '../core/errors.ts'
import { ANOTHER_RUN } from './ends-again.ts'
import type { RunState } from './run-state.ts'

/** What a missed quorum says: how many came, how many did not, and why the others were refused. */
export function quorumMissed({ server, attempt, members }: RunState, quorum: number): FedError {
  const counts = new Map<string, number>()
  let completed = 0
  for (const member of members.values()) {
    if (member.kind === 'completed') completed++
    else {
      const why = member.kind === 'rejected' ? `rejected: ${member.error.code}` : 'not heard from in time'
      counts.set(why, (counts.get(why) ?? 0) + 1)
    }
  }
  const others = [...counts].map(([why, count]) => `, ${count} ${why}`).join('')
  return new FedError('quorum_missed', {
    expected: `at least ${quorum} ${quorum === 1 ? 'update' : 'updates'} in round ${server.round + 1}`,
    received: `${completed} after ${attempt} attempts${others}`,
    hint: hintFor(members),
  })
}

function hintFor(members: RunState['members']): string {
  const rest = 'lower round.quorum, or set round.onShortfall; then resume the run.'
  for (const [client, member] of members) {
    if (member.kind !== 'rejected') continue
    const said = `Client ${client}: ${sentence(member.error)}`
    // Training is deterministic: asked again, the client diverges again.
    if (member.error.code === 'training_diverged') return `${said} ${ANOTHER_RUN}: this one would diverge again.`
    return `${said} Else raise round.retries, ${rest}`
  }
  return `Raise round.deadlineSeconds or round.retries, ${rest}`
}

/** What a client says of its error comes as one text. */
function sentence({ detail, message }: FedError): string {
  const text = detail.received ?? message
  return text.endsWith('.') ? text : `${text}.`
}
