import { z } from 'zod'
import type { Part } from '../part.ts'
import { type Schedule, shareDone } from './schedule.ts'
import { warmupOption } from './warmup.ts'

const schema = z.strictObject({
  name: z.literal('cosine'),
  minimum: z.number().min(0).max(1).default(0).meta({ description: 'factor that the decay approaches' }),
  over: z
    .enum(['run', 'round'])
    .default('run')
    .meta({ description: 'run: one decay over all rounds; round: one in each round, from the start again' }),
  ...warmupOption,
})

/**
 * minimum + (1 − minimum) ½ (1 + cos π p), p in [0, 1) the part of the run (or round) that is done: Loshchilov and Hutter
 * 2017, equation 5, without or with warm restarts.
 */
export const cosine: Part<Schedule, typeof schema> = {
  name: 'cosine',
  summary: 'Cosine decay over the run, or within each round (Loshchilov and Hutter 2017).',
  schema,
  make:
    ({ minimum, over }) =>
    progress => {
      const done = over === 'round' ? progress.step / progress.totalSteps : shareDone(progress)
      return minimum + (1 - minimum) * 0.5 * (1 + Math.cos(Math.PI * done))
    },
}
