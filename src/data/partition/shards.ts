import { z } from 'zod'
import { range } from '../../core/indices.ts'
import { shuffle } from '../../core/rng.ts'
import { indicesByClass } from '../labels.ts'
import { cut, evenSizes, gathered, type PartitionerComponent, requireExamples } from './partitioner.ts'

const schema = z.strictObject({
  name: z.literal('shards'),
  shardsPerClient: z.int().min(1).default(2).meta({ description: 'pieces of the label-sorted data for each client' }),
})

/**
 * McMahan et al. 2017, section 3, "Pathological Non-IID": the data sorted by label are cut into
 * numClients · shardsPerClient shards, and each client gets shardsPerClient of them at random. Ours: examples of one
 * label are shuffled before the cut, and shard sizes may differ by 1 so that nothing is left over.
 */
export const shards = {
  name: 'shards',
  summary: 'Label-sorted data cut into shards, a few shards for each client (McMahan et al. 2017)',
  promises: { disjoint: true, exhaustive: true },
  schema,
  partition(labels, numClients, { shardsPerClient }, rng) {
    requireExamples(labels, numClients, shardsPerClient)
    const sorted = new Uint32Array(labels.length)
    let at = 0
    for (const [label, indices] of indicesByClass(labels).entries()) {
      sorted.set(shuffle(rng.fork(`class/${label}`), indices), at)
      at += indices.length
    }
    const numShards = numClients * shardsPerClient
    const pieces = cut(sorted, evenSizes(labels.length, numShards))
    const dealt = cut(shuffle(rng.fork('deal'), range(numShards)), evenSizes(numShards, numClients))
    return gathered(dealt.map(own => Array.from(own, shard => pieces[shard]!)))
  },
} satisfies PartitionerComponent<typeof schema>
