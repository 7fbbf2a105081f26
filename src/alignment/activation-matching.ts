import { z } from 'zod'
import { type AlignerPart, examplesOption, oneByOne, referenceOption } from './aligner.ts'
import { bestOrder } from './match.ts'
import { identity, permuted } from './permute.ts'
import { correlations, unitSums } from './unit-likeness.ts'

const schema = z.strictObject({
  name: z.literal('activationMatching'),
  to: referenceOption,
  examples: examplesOption,
})

/**
 * Git Re-Basin's activation matching (Ainsworth et al. 2023, section 3.1; Li et al. 2015): in each layer the order in which the
 * correlations of the units' activations, over examples and positions, sum to the most. Each model is given the examples by
 * itself, so the layers are independent of each other.
 */
export const activationMatchingPart: AlignerPart<typeof schema> = {
  name: 'activationMatching',
  summary: 'Units in the order in which their activations on examples correlate most (Ainsworth et al. 2023).',
  schema,
  make: ({ examples: count }) =>
    oneByOne('activationMatching', count, async ({ plan, groups, reference, examples }, model) => {
      const sums = await unitSums(plan, groups, [reference, model], examples)
      const orders = sums.map((each, g) => {
        const { units } = groups[g]!
        return bestOrder(correlations(each), units) ?? identity(units)
      })
      return permuted(model, groups, orders)
    }),
}
