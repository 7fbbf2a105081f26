import { z } from 'zod'
import { changed } from '../cohort.ts'
import { countOf, keepBetween } from '../magnitude.ts'
import type { Filter, Part } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('trim'),
  keep: z.number().gt(0).max(1).default(0.2).meta({ description: 'fraction of each block that is kept' }),
})

/**
 * In each block of each update, all but the largest magnitudes become 0: the first step of TIES (Yadav et al. 2023, Section
 * 3.1). They rank the whole vector at once; here each layer keeps its own share, so that no layer is trimmed away by the
 * scale of another. At least one value of a block is kept; equal magnitudes at the border all are.
 */
export const trim: Part<Filter, typeof schema> = {
  name: 'trim',
  summary: 'Keeps only the largest changes of each layer (the first step of TIES).',
  schema,
  make: ({ keep }) => ({
    name: 'trim',
    apply: cohort =>
      changed(cohort, (rows, { size }) => {
        const smallest = Math.min(size - 1, size - countOf(keep, size))
        for (let start = 0; start < rows.length; start += size)
          keepBetween(rows.subarray(start, start + size), 0, smallest)
      }),
  }),
}
