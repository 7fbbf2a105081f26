import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({ name: z.literal('fedbn') })

/**
 * All but the normalisation layers averaged, their running statistics included: Li et al. 2021, Algorithm 1. A model
 * without such layers is refused (`layer_unknown`), because that run would be FedAvg under another name.
 */
export const fedbn: Preset<typeof schema> = {
  name: 'fedbn',
  summary: 'Normalisation layers stay with each client (Li et al. 2021).',
  schema,
  sets: ['layers'],
  expand: () => ({ layers: [{ match: 'kind:norm', average: 'none' }, { match: '*' }] }),
}
