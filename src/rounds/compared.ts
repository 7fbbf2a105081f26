import { keptClients } from '../analysis/keep-models.ts'
import { chooseClients, choosePairs } from '../analysis/pairs.ts'
import { type BarrierPlan, betweenOf, probesRound } from '../analysis/plan.ts'
import { createRng, type Rng } from '../core/rng.ts'
import type { RunFile } from './run-file.ts'

type Cohort = readonly number[]

/** The pairs of clients that probes of a round compare. The same whoever asks: drawn by label from the run's seed. */
export function comparedPairs(rng: Rng, round: number, cohort: Cohort, pairs: number) {
  return choosePairs(cohort, pairs, rng.fork(`round/${round}/probe/pairs`))
}

/** The clients that probes of a round compare with the model they have after averaging, or began with. */
export function comparedWithGlobal(rng: Rng, round: number, cohort: Cohort, pairs: number): readonly number[] {
  return chooseClients(cohort, pairs, rng.fork(`round/${round}/probe/global`))
}

/** What `barriers.keepModels` says of a round: the clients, of those that completed it, whose models stay on disk. */
export function keptOf({ seed, barriers }: RunFile): (round: number, cohort: Cohort) => readonly number[] {
  const rng = createRng(seed)
  return (round, cohort) => keptClients(barriers.keepModels, round, cohort, () => probed(rng, barriers, round, cohort))
}

function probed(rng: Rng, plan: BarrierPlan, round: number, cohort: Cohort): readonly number[] {
  if (!probesRound(plan, round)) return []
  return betweenOf(plan).flatMap(between => {
    if (between === 'clients') return comparedPairs(rng, round, cohort, plan.pairs).flat()
    if (between === 'global' || between === 'init') return comparedWithGlobal(rng, round, cohort, plan.pairs)
    return cohort
  })
}
