import { FedError } from '../core/errors.ts'
import { accountantOf, budgetOf, movesTwice } from './privacy.ts'
import type { RunFile } from './run-file.ts'

/** What a run file's rounds would give away of a client, known before any of them is run. */
export interface PrivacyOutlook {
  readonly delta: number
  readonly noiseOn: 'sum' | 'updates'
  readonly sampling: 'poisson' | 'fixed'
  /** Share of the clients that is expected in a round. */
  readonly rate: number
  /** What two runs differ in that epsilon tells apart. */
  readonly neighbours: 'one client more or less' | 'one client in place of another'
  readonly rounds: readonly number[]
  readonly noise: readonly {
    readonly noiseMultiplier: number
    /** After each of `rounds`. */
    readonly epsilon: readonly number[]
    /** The last round within maxEpsilon. */
    readonly lastRound: number
  }[]
}

/**
 * Epsilon after rounds 1, 2, 5, 10, 20 … and the last, with the run file's noise multiplier or others in its place. Throws
 * `input_invalid` for a run file without `privacy`.
 */
export function privacyOutlook(runFile: RunFile, multipliers: readonly number[] = []): PrivacyOutlook {
  const { privacy, clients, rounds: last } = runFile
  if (!privacy)
    throw new FedError('input_invalid', {
      expected: 'a run file with privacy',
      received: 'one without',
      hint: 'Add it by --set privacy.clipNorm=1 --set privacy.noiseMultiplier=1 --set privacy.delta=1e-5',
    })
  const rounds = roundsUpTo(last)
  const noise = multipliers.length > 0 ? multipliers : [privacy.noiseMultiplier]
  return {
    delta: privacy.delta,
    noiseOn: privacy.noiseOn,
    sampling: clients.sampling,
    rate: clients.perRound / clients.total,
    neighbours: movesTwice(runFile) ? 'one client in place of another' : 'one client more or less',
    rounds,
    noise: noise.map(noiseMultiplier => {
      const with_ = { ...runFile, privacy: { ...privacy, noiseMultiplier } }
      const { epsilonAfter } = accountantOf(with_)!
      return { noiseMultiplier, epsilon: rounds.map(epsilonAfter), lastRound: budgetOf(with_)?.rounds ?? last }
    }),
  }
}

function roundsUpTo(last: number): number[] {
  const rounds: number[] = []
  for (let decade = 1; decade < last; decade *= 10) rounds.push(decade, 2 * decade, 5 * decade)
  return [...rounds.filter(round => round < last), last]
}
