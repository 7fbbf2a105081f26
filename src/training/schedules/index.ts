import { registry } from '../../core/registry.ts'
import { constant } from './constant.ts'
import { cosine } from './cosine.ts'
import { step } from './step.ts'

/** To add a schedule: its file, its line here, its values in test/training/schedules.test.ts. */
export const schedules = registry('schedule', [constant, cosine, step])
