import { z } from 'zod'
import type { Slope, Slopes } from './slopes.ts'

/** The run file's `local.sharpness`. */
export const sharpnessSchema = z.strictObject({
  rho: z
    .number()
    .positive()
    .default(0.05)
    .meta({ description: 'how far uphill the gradient is taken; ρ in the paper' }),
})

/**
 * The gradient at w + ρ g / ‖g‖₂ in place of g, which leads to flat minima: SAM (Foret et al. 2021, Algorithm 1, p = 2), in
 * federated training FedSAM (Qu et al. 2022, Caldarola et al. 2022). g is that of the batch's loss alone: regularizer,
 * clipping and weight decay come after it, at w. Two passes a step. The loss is that at w.
 */
export function sharpnessAware<V>(slopes: Slopes<V>, { rho }: z.output<typeof sharpnessSchema>): Slope<V> {
  const { loss, gradient } = slopes.here()
  return { loss, gradient: slopes.uphill(gradient, rho).gradient }
}
