import { z } from 'zod'
import { centralMean } from '../../compute/ops/central-mean.ts'
import { minorityOf } from '../minority.ts'
import type { Part, Reducer } from '../transform.ts'

const schema = z.strictObject({ name: z.literal('median') })

/**
 * The median of each coordinate: Yin et al. 2018, Definition 1; of an even number, the mean of the two in the middle.
 * As in the paper every client counts alike: how many examples a client has is its own claim, which a robust reducer
 * must not trust. A client of weight 0 is left out.
 */
export const median: Part<Reducer, typeof schema> = {
  name: 'median',
  summary: 'Median of each coordinate; weights play no part.',
  schema,
  make: () => ({
    name: 'median',
    robust: { tolerates: minorityOf, bound: 'range' },
    columnwise: true,
    reduce: stack => centralMean(stack, Math.floor((stack.shape[0] - 1) / 2)),
  }),
}
