import { z } from 'zod'
import { validate } from '../core/validate.ts'
import { type BarrierPlan, barriersSchema, overridden, type ProbeOptions } from './plan.ts'
import { ascending, rangesText, roundsOf } from './round-ranges.ts'

const roundsSchema = z
  .union([z.int().min(1), rangesText, z.array(z.union([z.int().min(1), rangesText])).min(1)])
  .transform(given => {
    const rounds = [given].flat().flatMap(entry => (typeof entry === 'number' ? [entry] : roundsOf(entry)))
    return ascending(rounds)
  })
  .refine(rounds => rounds.length > 0, 'expected ranges that begin before they end')
  .meta({ description: 'rounds and ranges, e.g. [1, "3-5"]; every round that the run kept models of when left out' })

const { between, pairs, paths, orders, groups, window, interpolation, examples, splits } = barriersSchema.shape

/**
 * What a probe of rounds that are over is asked to measure: rounds, and the keys of a run file's `barriers:`. A key that is
 * left out is as the run file has it. Examples that are asked for must be there, in each split.
 */
export const probeRequestSchema = z
  .strictObject({
    rounds: roundsSchema.optional(),
    between: asked(between),
    pairs: asked(pairs),
    paths: asked(paths),
    orders: asked(orders),
    groups: asked(groups),
    window: asked(window),
    interpolation: asked(interpolation),
    examples: asked(examples),
    splits: asked(splits),
  })
  .meta({ description: 'what to measure; what is left out is as the run file says' })

export type ProbeRequest = z.output<typeof probeRequestSchema>

/** A key of the run file without its default. */
function asked<S extends z.ZodType>(schema: z.ZodDefault<S>) {
  const inner = schema.unwrap() as S
  return inner.optional().meta({ description: schema.description ?? '' })
}

/** The request's options over those of the run file. Throws `input_invalid` where they do not go together. */
export function probeOptions(plan: BarrierPlan, { rounds: _, ...request }: ProbeRequest): ProbeOptions {
  const { every: _every, keepModels: _keep, ...options } = validate(barriersSchema, overridden(plan, request))
  return options
}
