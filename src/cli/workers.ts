import { availableParallelism } from 'node:os'

/** One client process per core, as far as there are clients to train. */
export function defaultWorkers(clientsPerRound: number): number {
  return Math.max(1, Math.min(availableParallelism(), clientsPerRound))
}
