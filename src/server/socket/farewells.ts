import type { RunEnd, RunOpen } from '../../protocol/messages.ts'
import type { JoinTokens } from './join-tokens.ts'

/** A run that is over, as far as a process that comes back too late has to know it. */
export interface Farewell {
  readonly tokens: JoinTokens
  readonly welcome: RunOpen
  readonly end: RunEnd
}

export interface Farewells {
  keep(farewell: Farewell): void
  /** Undefined for a run that did not end here, or long ago. */
  of(run: string): Farewell | undefined
  forget(run: string): void
}

/** Longer than a client process tries to come back to a run that it had joined. */
const KEPT_MS = 10 * 60_000
const MAX_KEPT = 1000

/** Without it a process that lost its connection before the end would wait for a run that nobody opens again, and fail. */
export function createFarewells(now: () => number): Farewells {
  /** The oldest first. */
  const kept = new Map<string, Farewell & { readonly until: number }>()

  function prune(): void {
    for (const [run, { until }] of kept) if (until <= now() || kept.size > MAX_KEPT) kept.delete(run)
  }

  return {
    keep(farewell) {
      const { run } = farewell.end
      kept.delete(run)
      kept.set(run, { ...farewell, until: now() + KEPT_MS })
      prune()
    },
    of(run) {
      prune()
      return kept.get(run)
    },
    forget: run => void kept.delete(run),
  }
}
