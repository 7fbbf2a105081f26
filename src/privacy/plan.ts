import { z } from 'zod'

/** The run file's section `privacy`: clipped updates, Gaussian noise on their sum, and what that is worth. */
export const privacySchema = z.strictObject({
  clipNorm: z.number().min(1e-6).max(1e6).meta({
    description:
      'with `privacy`: largest L2 norm of a client’s update, over all layers averaged in the round; larger ones are scaled down',
  }),
  clip: z.enum(['model', 'layer']).default('model').meta({
    description: 'the norm of the whole update, or of each layer by itself: clipNorm / √(number of layers) for each',
  }),
  noiseMultiplier: z.number().min(0.05).max(1e4).meta({
    description: 'standard deviation of the noise, as a multiple of clipNorm',
  }),
  noiseOn: z.enum(['sum', 'updates']).default('sum').meta({
    description:
      'sum: the coordinator adds noise to the sum of the clipped updates, and is trusted; updates: each client to its own, before it is sent',
  }),
  delta: z.number().min(1e-30).lt(1).meta({
    description: 'the δ at which ε is told: probability with which the promise may fail; below 1 / clients.total',
  }),
  maxEpsilon: z.number().positive().optional().meta({
    description: 'the run ends before ε would pass this; without it after all its rounds',
  }),
})

export type PrivacyPlan = z.output<typeof privacySchema>
