import type { RoundJob } from './closed-round.ts'
import type { Closing } from './run-state.ts'

/** Clients whose updates count, ascending. */
export function completedOf({ members }: Closing): readonly number[] {
  return [...members].flatMap(([client, { kind }]) => (kind === 'completed' ? [client] : []))
}

/** Clients that were refused because their local training left the finite numbers. */
export function divergedOf({ members }: Pick<Closing, 'members'>): number {
  let count = 0
  for (const member of members.values())
    if (member.kind === 'rejected' && member.error.code === 'training_diverged') count++
  return count
}

/** What the compute worker is given of a cohort that is complete. */
export function jobOf({ round, server, members }: Closing): RoundJob {
  const updates = [...members].flatMap(([client, member]) =>
    member.kind === 'completed'
      ? [{ client, numExamples: member.update.numExamples, segments: member.update.segments }]
      : [],
  )
  return { round, server, updates }
}
