import { createRng, sample } from '../core/rng.ts'
import type { RunFile } from './run-file.ts'

/** The clients of a round, ascending. Pure: a round has one sample, whenever it is asked for. */
export function cohortOf(
  { seed, clients, round }: Pick<RunFile, 'seed' | 'clients' | 'round'>,
  number: number,
): readonly number[] {
  const { total, perRound } = clients
  const rng = createRng(seed).fork(`round/${number}/cohort`)
  if (clients.sampling === 'fixed') return [...sample(rng, total, perRound + round.overSelect)]
  return Array.from({ length: total }, (_, client) => client).filter(() => rng.next() < perRound / total)
}
