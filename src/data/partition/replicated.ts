import { z } from 'zod'
import { range } from '../../core/indices.ts'
import { type PartitionerComponent, requireExamples } from './partitioner.ts'

const schema = z.strictObject({ name: z.literal('replicated') })

/**
 * Every client holds all training examples: trainings that differ in their initialisation or in the order of the data and
 * in nothing else, as in the pairs of Adilova et al. (ICLR 2024), section 3. The test examples are still dealt out.
 */
export const replicated = {
  name: 'replicated',
  summary: 'Every client holds all of the training data',
  promises: { disjoint: false, exhaustive: true },
  schema,
  partition(labels, numClients) {
    requireExamples(labels, 1, 1)
    const all = range(labels.length)
    return Array.from({ length: numClients }, () => all)
  },
} satisfies PartitionerComponent<typeof schema>
