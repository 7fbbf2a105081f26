import { z } from 'zod'
import { changed } from '../cohort.ts'
import { countOf, keepBetween } from '../magnitude.ts'
import type { Filter, Part } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('breadcrumbs'),
  largest: z
    .number()
    .min(0)
    .lt(1)
    .default(0.01)
    .meta({ description: 'fraction of each block that is dropped at the largest magnitudes' }),
  smallest: z
    .number()
    .min(0)
    .lt(1)
    .default(0.85)
    .meta({ description: 'fraction of each block that is dropped at the smallest magnitudes' }),
})

/**
 * In each block of each update, the largest and the smallest magnitudes become 0: Model Breadcrumbs (Davari and Belilovsky
 * 2023, equation 2, their γ and β), which masks each layer by itself too. They add up the masked updates: use
 * `taskArithmetic` behind it for that. Counts are rounded; equal magnitudes at a border are all kept.
 */
export const breadcrumbs: Part<Filter, typeof schema> = {
  name: 'breadcrumbs',
  summary: 'Drops outliers and small changes of each layer (Davari and Belilovsky 2023).',
  schema,
  make: ({ largest, smallest }) => ({
    name: 'breadcrumbs',
    apply: cohort =>
      changed(cohort, (rows, { size }) => {
        for (let start = 0; start < rows.length; start += size)
          keepBetween(rows.subarray(start, start + size), countOf(largest, size), countOf(smallest, size))
      }),
  }),
}
