import type { z } from 'zod'
import { registry } from '../../core/registry.ts'
import { constant } from './constant.ts'
import { cosine } from './cosine.ts'
import { multiStep } from './multi-step.ts'
import type { Schedule } from './schedule.ts'
import { step } from './step.ts'
import { withWarmup } from './warmup.ts'

/** To add a schedule: its file, its line here, its values in test/training/schedules.test.ts. */
export const schedules = registry('schedule', [constant, cosine, step, multiStep])

/** The schedule that a run file's `local.schedule` asks for, warm-up included. */
export function scheduleOf(options: z.output<typeof schedules.schema>): Schedule {
  return withWarmup(schedules.named(options.name).make(options as never), options.warmup)
}
