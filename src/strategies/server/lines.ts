import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Part, ServerOptimizer } from '../transform.ts'

const factor = z.number().min(0)

const schema = z.strictObject({
  name: z.literal('lines'),
  shallow: factor.default(0.2).meta({ description: 'factor of the first layer, next to the input' }),
  deep: factor.default(1).meta({ description: 'factor of the last layer; between them it grows evenly with depth' }),
})

/**
 * Δ^l ← λ_l Δ^l with λ_l = shallow + (deep − shallow) (l − 1) / (L − 1) for l = 1 … L: LiNeS (Wang et al. 2025, equation 2;
 * their α is `shallow`, their β is deep − shallow). It follows whatever reducer merged the updates. Depth is that of the
 * whole model, also where some layers stay local; a model of one layer takes `deep`. They choose α from the norms of the
 * merged update where tasks are summed; here it is given.
 */
export const lines: Part<ServerOptimizer<never>, typeof schema> = {
  name: 'lines',
  summary: 'Shortens the step of shallow layers (LiNeS, Wang et al. 2025).',
  schema,
  make: ({ shallow, deep }) => ({
    name: 'lines',
    columnwise: true,
    init: () => ({}),
    apply(delta, memory, { block, layout }) {
      const last = layout.blocks.length - 1
      const depth = last === 0 ? 1 : block.index / last
      return [tf.mul(delta, shallow + (deep - shallow) * depth), memory]
    },
  }),
}
