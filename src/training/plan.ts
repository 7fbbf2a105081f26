import { z } from 'zod'
import { droppingSchema } from './dropping.ts'
import { maskSchema } from './mask.ts'
import { connectivitySchema } from './objective/connectivity.ts'
import { sharpnessSchema } from './objective/sharpness.ts'
import { optimizers } from './optimizers/index.ts'
import { regularizers } from './regularizers/index.ts'
import { schedules } from './schedules/index.ts'

const epochs = z.int().min(1).max(100_000)
const patterns = z.array(z.string().min(1)).min(1)

const phaseSchema = z.strictObject({
  train: patterns.meta({ description: 'patterns of the layer blocks trained in this phase; the others rest' }),
  epochs: epochs.default(1),
})

/** The run file's section `local`: what every client does with its examples in a round. */
export const localPlanSchema = z.strictObject({
  epochs: epochs.default(1).meta({ description: 'passes over the client’s examples; with phases, each has its own' }),
  batchSize: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(32)
    .meta({ description: 'the last batch of an epoch may be shorter' }),
  optimizer: optimizers.schema.prefault({ name: 'sgd' }),
  memory: z.enum(['reset', 'keep']).default('reset').meta({
    description:
      'momentum and moments of the optimizer: reset = gone after each round, keep = each client goes on with its own',
  }),
  schedule: schedules.schema.prefault({ name: 'constant' }),
  regularizer: regularizers.schema.optional(),
  loss: z.enum(['crossEntropy', 'balanced']).optional().meta({
    description:
      'what is minimised; balanced = softmax with the class counts of the client in it. crossEntropy when left out',
  }),
  sharpness: sharpnessSchema
    .optional()
    .meta({ description: 'SAM: the gradient is taken a little uphill, at twice the work' }),
  connectivity: connectivitySchema.optional().meta({
    description:
      'FedGuCci: the loss between the model and the global model of the round is trained too, at twice the work; older global models with strategy.exchange pastModels',
  }),
  phases: z
    .array(phaseSchema)
    .min(1)
    .optional()
    .meta({ description: 'parts of the model trained one after the other' }),
  frozen: patterns.optional().meta({ description: 'patterns of layer blocks that are never trained' }),
  mask: maskSchema.optional().meta({ description: 'single weights that do not learn, the same for all clients' }),
  dropping: droppingSchema
    .optional()
    .meta({ description: 'CopRA: in each step some layers rest, fewer and fewer of them' }),
  clipNorm: z.number().positive().optional().meta({
    description: 'largest L2 norm of a step’s gradient, over all tensors trained; larger ones are scaled down',
  }),
})

export type LocalPlan = z.output<typeof localPlanSchema>

/** What a strategy asks of local training on top of the run file, e.g. FedProx its regularizer. */
export type PlanAdditions = Partial<Pick<z.input<typeof localPlanSchema>, 'frozen' | ReplacedKey>>

/** What a strategy's additions replace, where it has them. */
export const REPLACED_KEYS = ['phases', 'regularizer', 'mask', 'loss', 'sharpness', 'connectivity', 'dropping'] as const
type ReplacedKey = (typeof REPLACED_KEYS)[number]

/** `plan` with a strategy's additions: they replace the plan's, its frozen blocks join them. */
export function extendPlan(plan: LocalPlan, additions: Readonly<PlanAdditions>): LocalPlan {
  const frozen = [...(plan.frozen ?? []), ...(additions.frozen ?? [])]
  return localPlanSchema.parse({ ...plan, ...additions, ...(frozen.length > 0 && { frozen }) })
}
