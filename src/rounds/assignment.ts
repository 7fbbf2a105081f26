import { type Effect, keyOf, type RunState, type Step } from './run-state.ts'

/** Gives each waiting member, in client order, to the process with the fewest tasks in hand that has a free slot. */
export function assignWaiting(state: RunState): Step {
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
