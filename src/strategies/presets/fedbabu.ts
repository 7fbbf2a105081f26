import { z } from 'zod'
import { headSize, type Preset, splitHead } from './preset.ts'

const schema = z.strictObject({ name: z.literal('fedbabu'), head: headSize(1) })

/**
 * The head stays at its random start and is never trained; the base is trained and averaged: Oh et al. 2022, Algorithm 1.
 * Nothing of the head needs averaging, so it does not travel. Their fine-tuning after the last round is `evaluate.fineTune`.
 */
export const fedbabu: Preset<typeof schema> = {
  name: 'fedbabu',
  summary: 'Only the base is trained and averaged, under a fixed head (Oh et al. 2022).',
  schema,
  sets: ['layers'],
  expand(options, layout) {
    const { head } = splitHead(layout, options.head)
    return { layers: [{ match: head, average: 'none' }, { match: '*' }], local: { frozen: head } }
  },
}
