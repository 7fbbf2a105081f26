import { z } from 'zod'
import { trim } from '../filters/trim.ts'
import { signElection } from '../reducers/sign-election.ts'
import type { Preset } from './preset.ts'

const schema = z.strictObject({
  name: z.literal('ties'),
  keep: trim.schema.shape.keep,
  scope: trim.schema.shape.scope,
  scale: signElection.schema.shape.scale,
})

/** Trim, elect signs, merge: TIES (Yadav et al. 2023, Algorithm 1); see `trim` and `signElection`. */
export const ties: Preset<typeof schema> = {
  name: 'ties',
  summary: 'Largest changes only, where their signs agree (TIES, Yadav et al. 2023).',
  schema,
  sets: ['filters', 'reduce'],
  expand: ({ keep, scope, scale }) => ({
    filters: [{ name: 'trim', keep, scope }],
    reduce: { name: 'signElection', scale },
  }),
}
