import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('fedgucci'),
  beta: z.number().positive().default(0.1).meta({ description: 'weight of the loss between model and anchor' }),
  interpolation: z
    .union([z.literal('random'), z.number().gt(0).max(1)])
    .default('random')
    .meta({ description: 'share of the model in its mix with an anchor: drawn from U[0, 1], or fixed' }),
})

/** FedAvg whose clients keep the path to the global model of the round low: FedGuCci (Li et al. 2024, 2402.18949). */
export const fedgucci: Preset<typeof schema> = {
  name: 'fedgucci',
  summary: 'FedAvg with the loss between client and global model trained too (FedGuCci, Li et al. 2024).',
  schema,
  sets: [],
  expand: ({ beta, interpolation }) => ({ local: { connectivity: { beta, interpolation } } }),
}
