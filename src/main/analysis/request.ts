import { z } from 'zod'
import { aligners } from '../../alignment/index.ts'
import { repairs } from '../../alignment/repairs/index.ts'
import { type BarrierPlan, barriersSchema, overridden } from '../../analysis/plan.ts'
import { validate } from '../../core/validate.ts'
import { dataSchema } from '../../data/index.ts'
import { modelSchema } from '../../models/index.ts'
import { localPlanSchema } from '../../training/plan.ts'

/** What can be measured beside barriers: docs/metrics.md says how. */
export const CONTROLS = [
  'random',
  'distance',
  'curvature',
  'features',
  'variance',
  'functional',
  'sharpness',
  'shapley',
  'bezier',
] as const

export type ControlName = (typeof CONTROLS)[number]

const requestSchema = z.strictObject({
  model: modelSchema,
  data: dataSchema,
  seed: z.int().min(0).default(1),
  /** Of each split; when left out as many as `barriers.examples`, or all there are. */
  examples: z.int().min(1).optional(),
  barriers: barriersSchema.prefault({}),
  controls: z.array(z.enum(CONTROLS)).default([]),
  /** How the units of the second model are put in the order of the first's. */
  align: aligners.schema.optional(),
  /** What is made of the two besides their plain mean. */
  repair: z.array(repairs.schema).default([]),
  /** Random directions of each layer. */
  draws: z.int().min(1).max(10_000).default(5),
  /** How the bend of the curve is trained. */
  bend: localPlanSchema.pick({ epochs: true, batchSize: true, optimizer: true }).prefault({
    epochs: 2,
    batchSize: 64,
    optimizer: { name: 'sgd', learningRate: 0.02, momentum: 0.9 },
  }),
})

/** What is asked of two model files; the sections are those of a run file. */
export type AnalysisRequest = z.output<typeof requestSchema>

/** `plan`: what barriers are over which the input's come first. Throws `input_invalid` with one issue per wrong key. */
export function parseAnalysisRequest(input: AnalysisInput, plan?: BarrierPlan): AnalysisRequest {
  return validate(requestSchema, plan ? { ...input, barriers: overridden(plan, input.barriers ?? {}) } : input)
}

interface AnalysisInput {
  readonly barriers?: Readonly<Partial<Record<keyof BarrierPlan, unknown>>>
}
