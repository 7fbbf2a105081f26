import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({ name: z.literal('fedavg') })

/** McMahan et al. 2017, Algorithm 1: every layer averaged in every round, clients weighted by examples. */
export const fedavg: Preset<typeof schema> = {
  name: 'fedavg',
  summary: 'Weighted average of the whole model (McMahan et al. 2017).',
  schema,
  sets: [],
  expand: () => ({}),
}
