import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('copra'),
  start: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .meta({ description: 'probability with which a layer learns in the first step' }),
  until: z
    .number()
    .gt(0)
    .max(1)
    .default(0.75)
    .meta({ description: 'share of the run after which all layers always learn' }),
})

/** FedAvg whose clients let random layers rest in each step, fewer and fewer of them: CopRA without adapters; see `local.dropping`. */
export const copra: Preset<typeof schema> = {
  name: 'copra',
  summary: 'FedAvg with random layers at rest in each local step (after CopRA, Zhuang et al. 2024).',
  schema,
  sets: [],
  expand: ({ start, until }) => ({ local: { dropping: { start, until, over: 'run' } } }),
}
