import { z } from 'zod'
import { headSize, type Preset, splitHead } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('fedrep'),
  head: headSize(1),
  headEpochs: z.int().min(1).default(10).meta({ description: 'local epochs on the head, base frozen' }),
  baseEpochs: z.int().min(1).default(1).meta({ description: 'local epochs on the base, head frozen' }),
})

/**
 * In each round the head is trained on the frozen base, then the base under the frozen head; the base is averaged:
 * Collins et al. 2021, Algorithm 1, where τ counts steps instead of epochs.
 */
export const fedrep: Preset<typeof schema> = {
  name: 'fedrep',
  summary: 'Local heads and a shared base, trained one after the other (Collins et al. 2021).',
  schema,
  sets: ['layers'],
  expand(options, layout) {
    const { base, head } = splitHead(layout, options.head)
    return {
      layers: [{ match: head, average: 'none' }, { match: '*' }],
      local: {
        phases: [
          { train: head, epochs: options.headEpochs },
          { train: base, epochs: options.baseEpochs },
        ],
      },
    }
  },
}
