import { z } from 'zod'
import type { Part } from '../part.ts'
import type { Schedule } from './schedule.ts'
import { warmupOption } from './warmup.ts'

const schema = z.strictObject({
  name: z.literal('step'),
  every: z.int().min(1).default(10).meta({ description: 'rounds between two drops' }),
  factor: z.number().positive().max(1).default(0.1).meta({ description: 'what each drop multiplies the rate by' }),
  ...warmupOption,
})

/** factor^⌊(round − 1) / every⌋: the rate is constant within a round and drops after every `every` rounds. */
export const step: Part<Schedule, typeof schema> = {
  name: 'step',
  summary: 'A drop of the learning rate after every so many rounds.',
  schema,
  make:
    ({ every, factor }) =>
    ({ round }) =>
      factor ** Math.floor((round - 1) / every),
}
