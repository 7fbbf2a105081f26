import { z } from 'zod'
import type { Schedule } from './schedule.ts'

/** The option `warmup` of every schedule. */
export const warmupOption = {
  warmup: z.int().min(0).max(1_000_000_000).optional().meta({
    description: 'local steps at the start of the run in which the rate rises linearly to the schedule’s',
  }),
}

/**
 * min(1, (s + 1) / (steps + 1)) times the schedule, s = 0, 1, … the client's local steps since the run began (Goyal et al.
 * 2017, section 2.2, "gradual warmup", but from 0). The schedule underneath goes on as it would without, so that every
 * schedule composes with it: a cosine loses (π/2)² of the square of the warm-up's share of the run, 0.3 % at 50 steps of
 * 1,500. Steps count as if the client had taken part in every round, because a schedule is the run's, not the client's.
 */
export function withWarmup(schedule: Schedule, steps = 0): Schedule {
  return progress => {
    const done = (progress.round - 1) * progress.totalSteps + progress.step
    return Math.min(1, (done + 1) / (steps + 1)) * schedule(progress)
  }
}
