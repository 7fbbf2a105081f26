import type { UpdateRecord } from '../core/records.ts'

/** At most so many are named. */
const NAMED = 5

/** What a round says that closed without some of its clients: who, where, why, and what it means. Null when nobody was dropped. */
export function droppedWarning(updates: readonly UpdateRecord[], deadlineMs: number): string | null {
  const dropped = updates.filter(({ status }) => status === 'dropped')
  if (dropped.length === 0) return null
  const named = dropped
    .slice(0, NAMED)
    .map(({ client, process }) => `client ${client} (${process ? `process ${process}` : 'no process had it'})`)
  const rest = dropped.length > NAMED ? ` and ${dropped.length - NAMED} more` : ''
  const there = updates.filter(({ status }) => status === 'completed').length
  return (
    `dropped ${named.join(', ')}${rest}: not heard from within round.deadlineSeconds (${deadlineMs / 1000}). ` +
    `The model averages ${there} of ${updates.length} clients, and depends on who was fast: ` +
    'the same run file may give another. Raise round.quorum or round.deadlineSeconds against that'
  )
}
