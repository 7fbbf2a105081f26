import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('fedsam'),
  rho: z
    .number()
    .positive()
    .default(0.05)
    .meta({ description: 'how far uphill the gradient is taken; ρ in the paper' }),
})

/** FedAvg whose clients take the steps of SAM: FedSAM (Qu et al. 2022, Algorithm 1; Caldarola et al. 2022). */
export const fedsam: Preset<typeof schema> = {
  name: 'fedsam',
  summary: 'FedAvg with sharpness-aware local steps (SAM, Foret et al. 2021).',
  schema,
  sets: [],
  expand: ({ rho }) => ({ local: { sharpness: { rho } } }),
}
