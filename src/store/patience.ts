import { setTimeout as wait } from 'node:timers/promises'
import { isPassing } from './errors.ts'

/** How long a write is tried again: longer than a backup or a restart of the database takes. */
export const PATIENCE_MS = 60_000

/** Between two tries; grows up to ten times this. */
const PAUSE_MS = 50

/**
 * Tries a write again while the database is locked by another process, or away for a moment, until `patienceMs` have
 * passed: a round that is finished is worth waiting for. `write` is told whether it may have succeeded before: the
 * connection can be lost between a COMMIT and its answer.
 */
export async function patiently<T>(write: (again: boolean) => Promise<T>, patienceMs: number): Promise<T> {
  const end = performance.now() + patienceMs
  for (let attempt = 1; ; attempt++)
    try {
      return await write(attempt > 1)
    } catch (error) {
      if (!isPassing(error) || performance.now() > end) throw error
      await wait(PAUSE_MS * Math.min(attempt, 10))
    }
}
