import type { Asked } from '../../protocol/segments.ts'
import type { Task, UpdateKey } from '../../rounds/ports.ts'

/**
 * Which process was given which task, for the present round and the one before (whose acks may have been lost). Only who
 * was given a task may answer it: a join token does not let one process speak for the clients of another.
 */
export interface Ledger {
  /** The latest round that was handed out, 0 before the first. */
  readonly round: number
  give(process: string, task: Pick<Task, 'round' | 'client' | keyof Asked>): void
  /** What `process` was asked to send back, null when it never had the task. */
  askedOf(process: string, key: Pick<UpdateKey, 'round' | 'client'>): Asked | null
}

export function createLedger(): Ledger {
  const rounds = new Map<number, Map<string, Asked>>()
  let latest = 0
  return {
    get round() {
      return latest
    },
    give(process, { round, client, reply, extras, numExamples }) {
      latest = Math.max(latest, round)
      for (const old of rounds.keys()) if (old < latest - 1) rounds.delete(old)
      const given = rounds.get(round) ?? new Map<string, Asked>()
      rounds.set(round, given.set(`${client} ${process}`, { reply, extras, numExamples }))
    },
    askedOf: (process, { round, client }) => rounds.get(round)?.get(`${client} ${process}`) ?? null,
  }
}
