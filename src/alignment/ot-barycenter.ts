import { z } from 'zod'
import { type AlignerPart, referenceOption } from './aligner.ts'
import { readyAxes } from './forward-matching.ts'
import { gram } from './gram.ts'
import { bestOrder } from './match.ts'
import { permuteGroup, unitRows } from './permute.ts'

const schema = z.strictObject({
  name: z.literal('otBarycenter'),
  to: referenceOption,
  iterations: z.int().min(1).max(1000).default(50).meta({
    description: 'at most, of orders given the barycenter and the barycenter given the orders, in each layer',
  }),
})

/**
 * The Wasserstein barycenter of K models (Akash, Li and García Trillos 2022, arXiv 2210.06671) for equal widths and masses, where
 * plans are permutations: layer by layer from the input on, each model's units are put in the order that lies closest to the
 * barycenter's, and the barycenter becomes the mean of the models, until no order changes. The reference only begins it; then
 * all models count alike. What averages the models afterwards gives them its own weights.
 */
export const otBarycenterPart: AlignerPart<typeof schema> = {
  name: 'otBarycenter',
  summary: 'All models in the order of their common Wasserstein barycenter, layer by layer (Akash et al. 2022).',
  schema,
  make: ({ iterations }) => ({
    name: 'otBarycenter',
    examples: 0,
    async align({ groups, reference, models }) {
      const ordered = models.map(model => model.slice())
      for (const [index, group] of groups.entries()) {
        const { units } = group
        const axes = readyAxes(group, index)
        const rowsOf = (params: Float32Array) => unitRows(params, units, axes)
        let center = rowsOf(reference)
        for (let iteration = 0, moved = true; moved && iteration < iterations; iteration++) {
          moved = false
          for (const params of ordered) {
            const order = bestOrder(await gram(center, rowsOf(params), units), units)
            if (!order) continue
            permuteGroup(params, group, order)
            moved = true
          }
          const rows = ordered.map(rowsOf)
          center = center.map((_, at) => rows.reduce((sum, row) => sum + row[at]!, 0) / rows.length)
          moved ||= iteration === 0
        }
      }
      return ordered
    },
  }),
}
