import { z } from 'zod'
import { dirichlet as drawDirichlet, shuffle } from '../../core/rng.ts'
import { apportion } from '../apportion.ts'
import { indicesByClass } from '../labels.ts'
import { cut, gathered, type PartitionerComponent, requireExamples } from './partitioner.ts'
import { topUp } from './top-up.ts'

const schema = z.strictObject({
  name: z.literal('dirichlet'),
  dirichletAlpha: z.number().positive().max(1e6).default(0.5).meta({
    description: 'concentration: 0.1 gives clients of one or two classes, 100 is nearly iid',
  }),
  minExamples: z.int().min(1).default(1).meta({ description: 'fewest examples that a client may have' }),
})

/**
 * Label skew: for each class c, shares p_c ~ Dir(dirichletAlpha · 1) over the clients, and client k gets p_c[k] of the
 * class, to within 1 example (Yurochkin et al. 2019; Li et al. 2022, section IV, "p_k ~ Dir"). Client sizes vary, unlike
 * in Hsu et al. 2019, who draw a mixture of classes for each of equally large clients. Li et al. draw again until every
 * client has 10 examples, which never ends at small concentrations; ours draws once and tops up (`topUp`).
 */
export const dirichlet = {
  name: 'dirichlet',
  summary: 'Label skew: each class is spread over the clients by Dirichlet shares',
  promises: { disjoint: true, exhaustive: true },
  schema,
  partition(labels, numClients, { dirichletAlpha, minExamples }, rng) {
    requireExamples(labels, numClients, minExamples)
    const byClass = indicesByClass(labels).map((indices, label) => {
      const own = rng.fork(`class/${label}`)
      const shares = drawDirichlet(own.fork('shares'), numClients, dirichletAlpha)
      const sizes = apportion(shares, indices.length, own.fork('remainders'))
      return cut(shuffle(own.fork('order'), indices), sizes)
    })
    const drawn = gathered(Array.from({ length: numClients }, (_, client) => byClass.map(pieces => pieces[client]!)))
    return topUp(drawn, minExamples, rng.fork('top-up'))
  },
} satisfies PartitionerComponent<typeof schema>
