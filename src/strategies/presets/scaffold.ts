import { z } from 'zod'
import { controlAverage } from '../exchanges/scaffold.ts'
import type { Preset } from './preset.ts'

const schema = z.strictObject({ name: z.literal('scaffold'), average: controlAverage })

/** FedAvg with control variates: Karimireddy et al. 2020, Algorithm 1, server learning rate 1 unless `server` says otherwise. */
export const scaffold: Preset<typeof schema> = {
  name: 'scaffold',
  summary: 'FedAvg with control variates against client drift (SCAFFOLD, Karimireddy et al. 2020).',
  schema,
  sets: ['exchange'],
  expand: ({ average }) => ({ exchange: { name: 'scaffold', average } }),
}
