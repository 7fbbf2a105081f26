import { z } from 'zod'
import type { Part } from '../part.ts'
import { type Schedule, shareDone } from './schedule.ts'
import { warmupOption } from './warmup.ts'

const share = z.number().gt(0).lt(1)

const schema = z.strictObject({
  name: z.literal('multiStep'),
  at: z
    .array(share)
    .min(1)
    .max(100)
    .refine(list => list.every((value, i) => i === 0 || value > list[i - 1]!), { error: 'expected ascending shares' })
    .default([0.5, 0.75])
    .meta({ description: 'shares of the run after which the rate drops, ascending' }),
  factor: z.number().positive().max(1).default(0.1).meta({ description: 'what each drop multiplies the rate by' }),
  ...warmupOption,
})

/**
 * factor^(number of shares in `at` that are done). In shares of the run and not in rounds or epochs, so that it means the
 * same for one round of many epochs and for many rounds; the defaults are those of Adilova et al. 2024 for MobileNet.
 */
export const multiStep: Part<Schedule, typeof schema> = {
  name: 'multiStep',
  summary: 'A drop of the learning rate at each of several points of the run.',
  schema,
  make:
    ({ at, factor }) =>
    progress =>
      factor ** at.filter(point => shareDone(progress) >= point).length,
}
