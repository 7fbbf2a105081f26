import { type Effect, keyOf, type RunState, type Step } from './run-state.ts'

/** Gives each waiting member, in client order, to the process with the fewest tasks in hand that has a free slot. */
export function assignWaiting(state: RunState): Step {
  const waiting = [...state.members].filter(([, { kind }]) => kind === 'waiting')
  if (waiting.length === 0) return [state, []] // after nearly every update
  const slots = freeSlots(state)
  const members = new Map(state.members)
  const effects: Effect[] = []
  for (const [client] of waiting) {
    const { value: process } = slots.next()
    if (process === undefined) break
    members.set(client, { kind: 'assigned', process })
    effects.push({ type: 'assign', process, key: keyOf(state, client), server: state.server })
  }
  return [{ ...state, members }, effects]
}

/** The processes with a free slot, once for each: the least loaded first, of several the one that joined first. */
function* freeSlots({ processes, members }: RunState): Generator<string, undefined> {
  const inHand = new Map<string, number>()
  for (const member of members.values())
    if (member.kind === 'assigned') inHand.set(member.process, (inHand.get(member.process) ?? 0) + 1)
  const most = Math.max(0, ...processes.values())
  for (let load = 0; load < most; load++)
    for (const [process, slots] of processes) if (load < slots && (inHand.get(process) ?? 0) <= load) yield process
}
