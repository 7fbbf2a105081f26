import { chooseClients, choosePairs } from '../analysis/pairs.ts'
import { type BarrierPlan, betweenOf, probesRound } from '../analysis/plan.ts'
import { FedError } from '../core/errors.ts'
import { type Rng, shuffle } from '../core/rng.ts'
import { comparedPairs, comparedWithGlobal } from './compared.ts'

/** Which models of a round there are to compare, and what is wanted. */
export interface Choice {
  readonly rng: Rng
  readonly round: number
  /** Clients that completed the round, ascending: whom the run draws its own pairs from. */
  readonly cohort: readonly number[]
  /** Those of them whose models there are, ascending. */
  readonly kept: readonly number[]
  /** What the run file measures in its own rounds. */
  readonly ran: BarrierPlan
  /** How many pairs, where somebody asks for a number of them. */
  readonly pairs: number | undefined
}

/**
 * Pairs of clients, ascending: the run's own, drawn from its cohort, as far as their models were kept. Where a number is asked
 * for, own pairs come first, then others of the kept models, each set of them equally likely; so do as many as the run file
 * says in rounds in which the run itself compared none.
 */
export function pairsToProbe(choice: Choice): readonly (readonly [number, number])[] {
  const { rng, round, cohort, kept, ran } = choice
  const there = new Set(kept)
  const own = comparedPairs(rng, round, cohort, ran.pairs).filter(pair => pair.every(client => there.has(client)))
  const chosen = filled(own, choice, 'clients', (count, more) => choosePairs(kept, count, more))
  return chosen.toSorted(([a, b], [c, d]) => a - c || b - d)
}

/** Clients to compare with the model that they have after averaging, or began with, ascending: likewise. */
export function clientsToProbe(choice: Choice, between: 'global' | 'init'): readonly number[] {
  const { rng, round, cohort, kept, ran } = choice
  const there = new Set(kept)
  const own = comparedWithGlobal(rng, round, cohort, ran.pairs).filter(client => there.has(client))
  return filled(own, choice, between, (count, more) => chooseClients(kept, count, more)).toSorted((a, b) => a - b)
}

/** Throws `probe_models_missing` where a run compared pairs in this round, and kept the models of none of them. */
export function requireOwnPairs(choice: Choice, between: 'clients' | 'global' | 'init'): void {
  const { round, kept } = choice
  const found = between === 'clients' ? pairsToProbe(choice) : clientsToProbe(choice, between)
  if (found.length > 0) return
  throw new FedError('probe_models_missing', {
    expected: `models of what the run itself compared in round ${round} (between: ${between})`,
    received: `those of clients ${kept.join(', ')}`,
    hint: 'Ask for a number of other pairs with pairs, or keep more with barriers.keepModels',
  })
}

function filled<T>(
  own: readonly T[],
  choice: Choice,
  between: 'clients' | 'global' | 'init',
  choose: (count: number, rng: Rng) => readonly T[],
): readonly T[] {
  const { rng, round, ran, pairs } = choice
  const measured = probesRound(ran, round) && betweenOf(ran).includes(between)
  if (pairs === undefined && measured) return own
  const wanted = pairs ?? ran.pairs
  const more = rng.fork(`round/${round}/probe/more/${between}`)
  const taken = new Set(own.map(String))
  const others = choose(wanted, more).filter(each => !taken.has(String(each)))
  return [...own.slice(0, wanted), ...shuffle(more, others).slice(0, Math.max(0, wanted - own.length))]
}
