import { z } from 'zod'
import { range } from '../../core/indices.ts'
import { dirichlet, shuffle } from '../../core/rng.ts'
import { apportion } from '../apportion.ts'
import { cut, gathered, type PartitionerComponent, requireExamples } from './partitioner.ts'
import { topUp } from './top-up.ts'

const schema = z.strictObject({
  name: z.literal('quantity'),
  dirichletAlpha: z.number().positive().max(1e6).default(0.5).meta({
    description: 'concentration of the sizes: 0.1 gives a few large clients, 100 is nearly equal',
  }),
  minExamples: z.int().min(1).default(1).meta({ description: 'fewest examples that a client may have' }),
})

/**
 * Quantity skew: sizes in proportion to q ~ Dir(dirichletAlpha · 1), labels iid (Li et al. 2022, section IV, "q ~ Dir").
 * Clients below minExamples are topped up (`topUp`).
 */
export const quantity = {
  name: 'quantity',
  summary: 'Quantity skew: the same label distribution everywhere, sizes by Dirichlet shares',
  promises: { disjoint: true, exhaustive: true },
  schema,
  partition(labels, numClients, { dirichletAlpha, minExamples }, rng) {
    requireExamples(labels, numClients, minExamples)
    const shares = dirichlet(rng.fork('shares'), numClients, dirichletAlpha)
    const sizes = apportion(shares, labels.length, rng.fork('remainders'))
    const parts = cut(shuffle(rng.fork('order'), range(labels.length)), sizes)
    return topUp(gathered(parts.map(part => [part])), minExamples, rng.fork('top-up'))
  },
} satisfies PartitionerComponent<typeof schema>
