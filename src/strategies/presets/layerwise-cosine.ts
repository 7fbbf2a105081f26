import { z } from 'zod'
import { multiKrum } from '../reducers/multi-krum.ts'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('layerwiseCosine'),
  faulty: multiKrum.schema.shape.faulty,
  keep: multiKrum.schema.shape.keep,
})

/**
 * Layer-wise cosine aggregation over Multi-Krum: in each layer, updates are clipped to their median norm, the most central
 * by cosine distance are chosen, and the clipped ones are averaged.
 */
export const layerwiseCosine: Preset<typeof schema> = {
  name: 'layerwiseCosine',
  summary: 'In each layer, clipped updates chosen by their angles (layer-wise cosine aggregation).',
  schema,
  sets: ['filters', 'reduce'],
  expand: ({ faulty, keep }) => ({
    filters: [{ name: 'normClip', maxNorm: 'median', scope: 'layer' }],
    reduce: { name: 'multiKrum', distance: 'cosine', scope: 'layer', faulty, ...(keep && { keep }) },
  }),
}
