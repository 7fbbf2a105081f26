import { z } from 'zod'
import { headSize, type Preset, splitHead } from './preset.ts'

const schema = z.strictObject({ name: z.literal('fedper'), head: headSize(1) })

/** Base averaged, head never sent; clients train both together: Arivazhagan et al. 2019, Algorithms 1 and 2. */
export const fedper: Preset<typeof schema> = {
  name: 'fedper',
  summary: 'The last layers stay with each client (Arivazhagan et al. 2019).',
  schema,
  sets: ['layers'],
  expand({ head }, layout) {
    const local = splitHead(layout, head).head
    return { layers: [{ match: local, average: 'none' }, { match: '*' }] }
  },
}
