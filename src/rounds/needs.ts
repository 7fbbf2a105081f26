import { FedError } from '../core/errors.ts'
import { needsOf, type Strategy } from '../strategies/strategy.ts'
import type { RunFile } from './run-file.ts'

/**
 * Refuses a run that lacks what a part of its strategy cannot do without: `strategy_invalid`, with the key that is too low.
 * A round may close with `round.quorum` updates, so that has to be enough.
 */
export function requireNeeds({ clients, round }: Pick<RunFile, 'clients' | 'round'>, strategy: Strategy): void {
  for (const { clients: least = 1, why } of needsOf(strategy))
    for (const [key, given] of [
      ['clients.perRound', clients.perRound],
      ['round.quorum', round.quorum],
    ] as const)
      if (given < least)
        throw new FedError('strategy_invalid', {
          expected: `${key} of at least ${least}`,
          received: `${given}`,
          hint: `${why}: raise ${key} to ${least}`,
        })
}
