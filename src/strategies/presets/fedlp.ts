import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('fedlp'),
  keep: z.number().gt(0).max(1).default(0.5).meta({ description: 'probability with which a client sends a layer' }),
})

/**
 * Each client sends each layer with probability `keep`; a layer is the mean over those who sent it, and unchanged if nobody
 * did: FedLP (Zhu et al. 2023, homogeneous layer pruning). All probabilities alike here, where theirs may differ by layer:
 * write `participation` into layer rules for that. Their heterogeneous form (a client's first layers only) is
 * `clientWeights` of 0.
 */
export const fedlp: Preset<typeof schema> = {
  name: 'fedlp',
  summary: 'Each client sends a random part of the layers (FedLP, Zhu et al. 2023).',
  schema,
  sets: ['layers'],
  expand: ({ keep }) => ({ layers: [{ match: '*', participation: keep }] }),
}
