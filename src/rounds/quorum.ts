import type { ErrorCode } from '../core/errors.ts'
import type { LayerLayout } from '../core/layout.ts'
import { sharedBlocks } from '../strategies/layer-rules.ts'
import type { Strategy } from '../strategies/strategy.ts'
import type { RunFile } from './run-file.ts'
import type { Member, RoundPolicy } from './run-state.ts'

/** Refusals that lie with a machine or its moment. Any other follows from run file and task: asked again, it comes again. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['client_failed', 'engine_fault', 'engine_lost', 'internal'])

/**
 * Completed updates without which a round does not count: `quorum`, and where `everyone` has to be there all of the cohort
 * but those who are refused for good. Never more than there are clients, nor more than close the round.
 */
export function quorumOf(
  members: ReadonlyMap<number, Member>,
  { quorum, everyone, wanted }: Pick<RoundPolicy, 'quorum' | 'everyone' | 'wanted'>,
): number {
  const least = Math.min(quorum, members.size)
  if (!everyone) return least
  let needed = 0
  for (const member of members.values()) if (member.kind !== 'rejected' || PASSING.has(member.error.code)) needed++
  return Math.max(least, Math.min(needed, wanted))
}

/**
 * Whether a run file that names no quorum means the whole cohort. It does where all clients take part, so that nobody is
 * meant to be missing, and where layers stay with clients, since what one of them lost by a deadline it would lack in all
 * rounds to come. Of a sample of clients some may be missing: the others are a sample too.
 */
export function needsEveryone(
  { clients, round }: Pick<RunFile, 'clients' | 'round'>,
  { rules, personal }: Pick<Strategy, 'rules' | 'personal'>,
  layout: LayerLayout,
): boolean {
  if (round.quorum !== undefined) return false
  return (
    clients.perRound === clients.total || personal != null || sharedBlocks(rules, layout).length < layout.blocks.length
  )
}
