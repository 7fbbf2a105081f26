import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('fedprox'),
  mu: z.number().min(0).default(0.01).meta({ description: 'weight of the proximal term' }),
})

/**
 * FedAvg whose clients minimise loss + μ/2 ‖w − w_global‖²: Li et al. 2020, Algorithm 2. The paper tunes μ over 0.001,
 * 0.01, 0.1 and 1. Its other half, partial work of stragglers, is the round's deadline here.
 */
export const fedprox: Preset<typeof schema> = {
  name: 'fedprox',
  summary: 'FedAvg with a proximal term in local training (Li et al. 2020).',
  schema,
  sets: [],
  expand: ({ mu }) => ({ local: { regularizer: { name: 'prox', mu } } }),
}
