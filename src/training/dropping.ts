import { z } from 'zod'
import type { LayerBlock } from '../core/layout.ts'
import type { Rng } from '../core/rng.ts'

/** The run file's `local.dropping`. */
export const droppingSchema = z.strictObject({
  start: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .meta({ description: 'probability with which a layer learns in the first step' }),
  until: z.number().gt(0).max(1).default(0.75).meta({
    description: 'share of the steps after which every layer learns in every step; the probability grows evenly',
  }),
  over: z
    .enum(['run', 'round'])
    .default('run')
    .meta({ description: 'which steps: those of all rounds, or of each round anew' }),
})

export type Dropping = z.output<typeof droppingSchema>

/** Where a step stands. */
export interface Progress {
  readonly round: number
  readonly totalRounds: number
  /** Of the round, from 0. */
  readonly step: number
  readonly totalSteps: number
}

/** The probability with which a layer learns in a step: start + (1 − start) s / (until · S), at most 1. */
export function learningProbability(
  { start, until, over }: Dropping,
  { round, totalRounds, step, totalSteps }: Progress,
): number {
  const share = over === 'round' ? step / totalSteps : (round - 1 + step / totalSteps) / totalRounds
  return Math.min(1, start + ((1 - start) * share) / until)
}

/**
 * The layers that learn in a step, each with this probability, at least one: the layer dropping of CopRA (Zhuang et al. 2024,
 * 2410.22911) with the schedule of its successor's code (CoTo). They skip a layer's low-rank adapter; here, where there are none, the
 * layer rests for the step: its weights and the optimizer's memory of it stay. Drawn anew until a layer learns.
 */
export function layersThatLearn(
  blocks: ReadonlySet<LayerBlock>,
  probability: number,
  draws: Rng,
): ReadonlySet<LayerBlock> {
  if (probability >= 1) return blocks
  for (;;) {
    const learning = new Set([...blocks].filter(() => draws.next() < probability))
    if (learning.size > 0) return learning
  }
}
