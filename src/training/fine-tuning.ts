import { z } from 'zod'
import { type LocalPlan, localPlanSchema } from './plan.ts'

/** The run file's `evaluate.fineTune`. */
export const fineTuneSchema = z.strictObject({
  layers: z
    .array(z.string().min(1).max(200))
    .min(1)
    .default(['*'])
    .meta({ description: 'patterns of the layer blocks that are trained, frozen ones too; FedBABU: the head' }),
  epochs: z.int().min(1).max(10_000).default(5).meta({ description: 'over the client’s training examples' }),
})

export type FineTuning = z.output<typeof fineTuneSchema>

/**
 * How a client fine-tunes its model when the run is over (Oh et al. 2022, section 4.1): with the optimizer and the batches of the rounds,
 * at a constant rate, whatever rests, is masked or pulled back during the rounds.
 */
export function fineTuningPlan({ batchSize, optimizer, loss, clipNorm }: LocalPlan, tuning: FineTuning): LocalPlan {
  const kept = { batchSize, optimizer, ...(loss && { loss }), ...(clipNorm !== undefined && { clipNorm }) }
  return localPlanSchema.parse({ ...kept, phases: [{ train: tuning.layers, epochs: tuning.epochs }] })
}
