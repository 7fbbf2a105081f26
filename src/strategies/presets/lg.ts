import { z } from 'zod'
import { headSize, type Preset, splitHead } from './preset.ts'

const schema = z.strictObject({ name: z.literal('lg'), head: headSize(2) })

/**
 * The mirror of FedPer: local representations, averaged last layers: Liang et al. 2020 (LG-FedAvg), Algorithm 1. Some
 * libraries share the first layers instead; this follows the paper.
 */
export const lg: Preset<typeof schema> = {
  name: 'lg',
  summary: 'Only the last layers are averaged (LG-FedAvg, Liang et al. 2020).',
  schema,
  sets: ['layers'],
  expand({ head }, layout) {
    return { layers: [{ match: splitHead(layout, head).head }, { match: '*', average: 'none' }] }
  },
}
