import { z } from 'zod'
import type { Preset } from './preset.ts'

const schema = z.strictObject({ name: z.literal('scaffold') })

/** FedAvg with control variates: Karimireddy et al. 2020, Algorithm 1, server learning rate 1 unless `server` says otherwise. */
export const scaffold: Preset<typeof schema> = {
  name: 'scaffold',
  summary: 'FedAvg with control variates against client drift (SCAFFOLD, Karimireddy et al. 2020).',
  schema,
  sets: ['exchange'],
  expand: () => ({ exchange: { name: 'scaffold' } }),
}
