import { z } from 'zod'
import type { Part } from '../part.ts'
import type { Schedule } from './schedule.ts'
import { warmupOption } from './warmup.ts'

const schema = z.strictObject({ name: z.literal('constant'), ...warmupOption })

export const constant: Part<Schedule, typeof schema> = {
  name: 'constant',
  summary: 'The same learning rate throughout.',
  schema,
  make: () => () => 1,
}
