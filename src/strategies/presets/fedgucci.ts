import { z } from 'zod'
import { pastModels } from '../exchanges/past-models.ts'
import type { Preset } from './preset.ts'

const options = {
  anchors: pastModels.schema.shape.anchors,
  beta: z.number().positive().default(0.1).meta({ description: 'weight of the loss between model and anchor' }),
  interpolation: z
    .union([z.literal('random'), z.number().gt(0).max(1)])
    .default('random')
    .meta({ description: 'share of the model in its mix with an anchor: drawn from U[0, 1], or fixed' }),
}

const schema = z.strictObject({ name: z.literal('fedgucci'), ...options })

/** FedAvg whose clients keep the paths to the latest global models low: FedGuCci (Li et al. 2024, 2402.18949). */
export const fedgucci: Preset<typeof schema> = {
  name: 'fedgucci',
  summary: 'FedAvg with the loss between client and global model trained too (FedGuCci, Li et al. 2024).',
  schema,
  sets: ['exchange'],
  expand: ({ anchors, beta, interpolation }) => ({
    exchange: { name: 'pastModels', anchors },
    local: { connectivity: { beta, interpolation } },
  }),
}

const schemaPlus = z.strictObject({
  name: z.literal('fedgucciPlus'),
  ...options,
  rho: z.number().positive().default(0.05).meta({ description: 'how far uphill the gradient is taken; ρ of SAM' }),
})

/**
 * FedGuCci with sharpness-aware steps and a loss that is balanced over a client's classes: FedGuCci+ of the same paper. SAM
 * concerns the loss at the client's own weights; the loss towards the anchors is added as it is.
 */
export const fedgucciPlus: Preset<typeof schemaPlus> = {
  name: 'fedgucciPlus',
  summary: 'FedGuCci with SAM and a class-balanced loss (FedGuCci+, Li et al. 2024).',
  schema: schemaPlus,
  sets: ['exchange'],
  expand: ({ anchors, beta, interpolation, rho }) => ({
    exchange: { name: 'pastModels', anchors },
    local: { connectivity: { beta, interpolation }, sharpness: { rho }, loss: 'balanced' },
  }),
}
