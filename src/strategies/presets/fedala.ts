import type { z } from 'zod'
import { fedala as fedalaPart } from '../personal/fedala.ts'
import { headSize, type Preset, splitHead } from './preset.ts'

const schema = fedalaPart.schema.omit({ layers: true }).extend({ head: headSize(1) }) satisfies z.ZodObject

/** FedAvg whose clients mix the last layers with their own: Zhang et al. 2023. `head` is p of the paper, by layers. */
export const fedala: Preset<typeof schema> = {
  name: 'fedala',
  summary: 'FedAvg, the last layers mixed by weights that clients learn (FedALA, Zhang et al. 2023).',
  schema,
  sets: ['personal'],
  expand({ head, ...options }, layout) {
    return { personal: { ...options, layers: splitHead(layout, head).head } }
  },
}
