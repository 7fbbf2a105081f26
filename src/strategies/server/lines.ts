import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { LayerBlock, LayerLayout } from '../../core/layout.ts'
import type { Part, ServerOptimizer } from '../transform.ts'

const factor = z.number().min(0)

const schema = z.strictObject({
  name: z.literal('lines'),
  shallow: factor.default(0.2).meta({ description: 'factor of the first block, next to the input' }),
  deep: factor.default(1).meta({ description: 'factor of the last block; between them it grows evenly with depth' }),
  by: z.enum(['block', 'layer']).default('block').meta({
    description:
      'what depth counts: blocks of layers ("block3" of "block3/conv1"), where the model has such; or each layer, as in models without',
  }),
  outside: z.enum(['shallow', 'nearest']).default('shallow').meta({
    description:
      'factor of layers outside all blocks: `shallow`, as in the paper’s code, or that of the nearest block: a head takes `deep`',
  }),
})

type Options = Pick<z.output<typeof schema>, 'by' | 'outside'>

/**
 * Δ^l ← λ_l Δ^l with λ_l = shallow + (deep − shallow) (l − 1) / (L − 1) for l = 1 … L: LiNeS (Wang et al. 2025, equation 2;
 * their α is `shallow`, their β is deep − shallow). It follows whatever reducer merged the updates. As in their code l counts
 * residual or separable blocks, all of whose layers share a factor, and what lies outside them takes α; in a model that has
 * none, and with `by: layer`, each layer is one. Depth is that of the whole model, also where some layers stay local; a model of one
 * block takes `deep`. They choose α from the norms of the merged update where tasks are summed; here it is given.
 */
export const lines: Part<ServerOptimizer<never>, typeof schema> = {
  name: 'lines',
  summary: 'Shortens the step of shallow layers (LiNeS, Wang et al. 2025).',
  schema,
  make: ({ shallow, deep, ...options }) => ({
    name: 'lines',
    columnwise: true,
    init: () => ({}),
    apply(delta, memory, { block, layout }) {
      return [tf.mul(delta, shallow + (deep - shallow) * depthOf(block, layout, options)), memory]
    },
  }),
}

/** From 0, next to the input, to 1. */
function depthOf({ index }: LayerBlock, { blocks }: LayerLayout, { by, outside }: Options): number {
  const groups = blocks.map(({ name }) => groupOf(name))
  const present = [...new Set(groups)].filter(group => group !== null)
  if (by === 'layer' || present.length === 0) return blocks.length === 1 ? 1 : index / (blocks.length - 1)
  const own = groups[index] ?? (outside === 'nearest' ? nearest(groups, index) : null)
  if (own === null) return 0
  return present.length === 1 ? 1 : present.indexOf(own) / (present.length - 1)
}

/** "block3" of "block3/conv1"; null for a layer that is in no block. */
function groupOf(name: string): string | null {
  const slash = name.indexOf('/')
  return slash < 0 ? null : name.slice(0, slash)
}

/** The block of fewest layers away; of two, the one nearer to the input. */
function nearest(groups: readonly (string | null)[], index: number): string | null {
  for (let away = 1; away < groups.length; away++) {
    const found = groups[index - away] ?? groups[index + away]
    if (found) return found
  }
  return null
}
