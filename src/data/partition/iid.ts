import { z } from 'zod'
import { range } from '../../core/indices.ts'
import { shuffle } from '../../core/rng.ts'
import { cut, evenSizes, gathered, type PartitionerComponent, requireExamples } from './partitioner.ts'

const schema = z.strictObject({ name: z.literal('iid') })

/** McMahan et al. 2017, section 3, "IID": the data are shuffled and cut into parts whose sizes differ by at most 1. */
export const iid = {
  name: 'iid',
  summary: 'Every client draws from the same distribution, equal sizes',
  promises: { disjoint: true, exhaustive: true },
  schema,
  partition(labels, numClients, _options, rng) {
    requireExamples(labels, numClients, 1)
    const order = shuffle(rng.fork('order'), range(labels.length))
    return gathered(cut(order, evenSizes(labels.length, numClients)).map(part => [part]))
  },
} satisfies PartitionerComponent<typeof schema>
