import { z } from 'zod'
import type { LayerBlock } from '../../core/layout.ts'
import { type Cohort, changed, scratchFor, updatesByBlock } from '../cohort.ts'
import { countOf, keepBetween, keepFrom, magnitudesOfRank } from '../magnitude.ts'
import type { Filter, Part } from '../transform.ts'

const schema = z.strictObject({
  name: z.literal('trim'),
  keep: z.number().gt(0).max(1).default(0.2).meta({ description: 'fraction of the values that is kept' }),
  scope: z
    .enum(['model', 'layer'])
    .default('model')
    .meta({ description: 'ranked over all blocks averaged in the round together, or in each block by itself' }),
})

/**
 * In each update all but the largest magnitudes become 0: the first step of TIES (Yadav et al. 2023, Section 3.1), which ranks the
 * whole task vector at once, so that layers which moved little may be trimmed away; with scope layer each keeps its own share. The
 * rank is `keep` of the values, rounded (their code keeps one more than the whole part). At least one value is kept; equal
 * magnitudes at the border all are, so that the order of layers cannot matter.
 */
export const trim: Part<Filter, typeof schema> = {
  name: 'trim',
  summary: 'Keeps only the largest changes of each update (the first step of TIES).',
  schema,
  make: ({ keep, scope }) => ({
    name: 'trim',
    columnwise: scope === 'model', // once the smallest that is kept is known
    apply: (cohort, { averaged }) => (scope === 'model' ? byModel(cohort, averaged, keep) : byLayer(cohort, keep)),
  }),
}

/** Reads each update three times; memory is K × the largest block. */
function byModel(cohort: Cohort, blocks: readonly LayerBlock[], keep: number): Cohort {
  const total = blocks.reduce((sum, { size }) => sum + size, 0)
  const scratch = scratchFor(cohort, blocks)
  const least = magnitudesOfRank(cohort.clients.length, keptOf(keep, total), visit => {
    for (const [, updates] of updatesByBlock(cohort, blocks, scratch))
      for (const [k, update] of updates.entries()) visit(k, update)
  })
  return changed(cohort, (rows, { size }) => {
    for (const [k, value] of least.entries()) keepFrom(rows.subarray(k * size, (k + 1) * size), value)
  })
}

function byLayer(cohort: Cohort, keep: number): Cohort {
  return changed(cohort, (rows, { size }) => {
    for (let start = 0; start < rows.length; start += size)
      keepBetween(rows.subarray(start, start + size), 0, size - keptOf(keep, size))
  })
}

function keptOf(keep: number, size: number): number {
  return Math.max(1, countOf(keep, size))
}
