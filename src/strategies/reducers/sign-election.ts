import { z } from 'zod'
import { electedMean } from '../../compute/ops/elected-mean.ts'
import type { Part, Reducer } from '../transform.ts'
import { scaled, scaleOption } from './scale.ts'

const schema = z.strictObject({ name: z.literal('signElection'), scale: scaleOption(1) })

/**
 * In each coordinate, the mean of the updates that have the sign of their sum: steps two and three of TIES (Yadav et al.
 * 2023, Section 3.1, Algorithm 1). Sum and mean are weighted as the layer rule says; `average: uniform` is the paper's.
 * Updates that are 0 there have no sign and do not count. Where the sum is exactly 0 so is the result, as in Algorithm 1; their code gives
 * such coordinates the sign that most others of the model have. Behind the filter `trim` it is TIES: the preset `ties`.
 */
export const signElection: Part<Reducer, typeof schema> = {
  name: 'signElection',
  summary: 'Mean of the updates that agree with the sign of the sum (TIES, Yadav et al. 2023).',
  schema,
  make: ({ scale }) => ({
    name: 'signElection',
    columnwise: true,
    reduce: (stack, weights) => scaled(electedMean(stack, weights), scale),
  }),
}
