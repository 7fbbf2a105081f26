import { z } from 'zod'
import type { Rng } from '../../core/rng.ts'
import type { Slope, Slopes } from './slopes.ts'

/** The run file's `local.connectivity`. */
export const connectivitySchema = z.strictObject({
  beta: z
    .number()
    .positive()
    .default(0.1)
    .meta({ description: 'weight of the loss between model and anchor; β in the paper' }),
  interpolation: z
    .union([z.literal('random'), z.number().gt(0).max(1)])
    .default('random')
    .meta({
      description: 'share of the model in its mix with an anchor: drawn anew from U[0, 1] for each step, or fixed',
    }),
})

export type Connectivity = z.output<typeof connectivitySchema>

/**
 * Adds the gradient of β / N Σ_j L(a w + (1 − a) anchor_j), that is β a / N ∇L at the mix, to the slope at w: FedGuCci (Li et
 * al. 2024, 2402.18949, equation 6), with one a for each step and anchor. Their code takes a = 0.5 throughout, and a step of
 * the optimizer for each anchor by itself; here they are one step. The first anchor is the global model of the round.
 */
export function connected<V>(
  slopes: Slopes<V>,
  { loss, gradient }: Slope<V>,
  { beta, interpolation }: Connectivity,
  anchors: number,
  draws: Rng,
): Slope<V> {
  let sum = slopes.keep(gradient)
  for (let anchor = 0; anchor < anchors; anchor++) {
    const share = interpolation === 'random' ? draws.next() : interpolation
    sum = slopes.plus(sum, slopes.towards(anchor, share).gradient, (beta * share) / anchors)
  }
  return { loss, gradient: sum }
}
