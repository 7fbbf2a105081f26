import type { Params } from '../../core/layout.ts'
import type { Rng } from '../../core/rng.ts'
import type { LocalPlan } from '../plan.ts'
import { connected } from './connectivity.ts'
import { sharpnessAware } from './sharpness.ts'
import type { Slope, Slopes } from './slopes.ts'

/** How the gradient of a step comes about where it is not simply that of the batch's loss at the weights. */
export interface Objective {
  /** Models that it looks towards, float32[layout.size] each. */
  readonly anchors: readonly Params[]
  slope<V>(slopes: Slopes<V>): Slope<V>
}

/** null where a plan asks for nothing but the gradient at the weights. `draws` is the job's own stream for it. */
export function objectiveOf(
  { sharpness, connectivity }: Pick<LocalPlan, 'sharpness' | 'connectivity'>,
  anchors: readonly Params[],
  draws: Rng,
): Objective | null {
  if (!sharpness && !connectivity) return null
  return {
    anchors: connectivity ? anchors : [],
    slope(slopes) {
      const slope = sharpness ? sharpnessAware(slopes, sharpness) : slopes.here()
      return connectivity ? connected(slopes, slope, connectivity, anchors.length, draws) : slope
    },
  }
}
