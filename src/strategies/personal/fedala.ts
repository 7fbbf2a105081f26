import { z } from 'zod'
import { matchesBlock } from '../../core/block-pattern.ts'
import { extraKey } from '../../core/extras.ts'
import { weightsIn } from '../../core/layout.ts'
import { mixed } from '../../core/mixing.ts'
import type { Part } from '../transform.ts'
import type { Personal } from './personal.ts'

const schema = z.strictObject({
  name: z.literal('fedala'),
  layers: z
    .array(z.string().min(1).max(200))
    .min(1)
    .meta({ description: 'patterns of the layer blocks that are mixed; the global model replaces the others' }),
  share: z
    .number()
    .gt(0)
    .max(1)
    .default(0.8)
    .meta({ description: 'of a client’s examples on which the mixing weights are learnt; s in the paper' }),
  rate: z.number().positive().default(1).meta({ description: 'step of the mixing weights; η in the paper' }),
  threshold: z.number().min(0).default(0.1).meta({
    description: 'the first time, passes go on until the standard deviation of the last losses is below it, nats',
  }),
  window: z.int().min(2).max(1000).default(10).meta({ description: 'how many last losses, one a pass' }),
  passes: z.int().min(1).max(10_000).default(100).meta({ description: 'at most, the first time; one pass afterwards' }),
})

/**
 * Each client begins with its own last version of the upper layers moved towards the global one weight by weight, w + (g − w) A, by
 * mixing weights A in [0, 1] that it learns on its own data: FedALA (Zhang et al., AAAI 2023, Algorithm 1). All are 1 at first, and a
 * client that has not trained yet begins with the global model. The examples are drawn anew in each round; their code takes a
 * contiguous run of them, and has no limit on the passes of the first time. w and A of a client are kept by the coordinator and
 * travel with its task: each adds the size of the mixed layers.
 */
export const fedala: Part<Personal, typeof schema> = {
  name: 'fedala',
  summary: 'Upper layers are mixed with the global ones by weights that clients learn (FedALA, Zhang et al. 2023).',
  schema,
  make: ({ layers, name: _, ...learning }) => ({
    name: 'fedala',
    needs: { wholeRounds: true, shared: layers, why: 'fedala mixes a client’s layers with the averaged ones' },
    asks: [{ name: 'mixing', kept: true, layers, learning }],
    keeps: block => layers.some(pattern => matchesBlock(pattern, block)),
    begin({ block, own, global, kept }) {
      const mixing = kept.get(extraKey('mixing', block.name))
      return mixing ? mixed(own, global, mixing.subarray(0, weightsIn(block).size)) : own
    },
  }),
}
