import { z } from 'zod'
import { centralMean } from '../../compute/ops/central-mean.ts'
import { minorityOf } from '../minority.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('trimmedMean'),
  trim: z
    .number()
    .min(0)
    .lt(0.5)
    .default(0.2)
    .meta({ description: 'fraction of the clients left out at each end, in each coordinate' }),
})

/**
 * In each coordinate, the mean without the ⌊trim · K⌋ smallest and as many largest values: Yin et al. 2018, Definition 2
 * (their β is `trim`). As in the paper every client counts alike (see `median`). With fewer than 1 / trim clients nothing
 * is trimmed.
 */
export const trimmedMean: Part<Reducer, typeof schema> = {
  name: 'trimmedMean',
  summary: 'Mean of each coordinate without its extremes; weights play no part.',
  schema,
  make: ({ trim }) => ({
    name: 'trimmedMean',
    robust: { tolerates: clients => cutOf(trim, clients), bound: 'range' },
    columnwise: true,
    reduce: stack => centralMean(stack, cutOf(trim, stack.shape[0])),
  }),
}

/**
 * 0.29 · 100 is 28.999999999999996 in float64; the slack is far below the spacing of fractions of any cohort. A `trim` that is nearer to ½
 * than the slack still leaves what the median takes.
 */
function cutOf(trim: number, clients: number): number {
  return Math.min(Math.floor(trim * clients + 1e-9), minorityOf(clients))
}
