import type { Clock } from '../rounds/ports.ts'

/** Deadlines follow the monotonic clock: a wall clock that jumps moves timestamps, never rounds. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}
