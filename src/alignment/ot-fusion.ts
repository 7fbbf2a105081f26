import { z } from 'zod'
import { type AlignerPart, examplesOption, oneByOne, referenceOption } from './aligner.ts'
import { forwardMatching, readyAxes } from './forward-matching.ts'
import { gram } from './gram.ts'
import { unitRows } from './permute.ts'
import { unitSums } from './unit-likeness.ts'

const schema = z.strictObject({
  name: z.literal('otFusion'),
  to: referenceOption,
  by: z.enum(['weights', 'activations']).default('weights').meta({
    description: 'how far two units are apart: by the weights that come in, or by what they give on examples',
  }),
  examples: examplesOption,
})

/**
 * Model fusion by optimal transport (Singh and Jaggi, NeurIPS 2020): layer by layer from the input on, the transport plan of the
 * units at the cost of their squared distances, what a layer reads being transported first. Between layers of one width, with
 * equal masses, an exact plan is a permutation; their entropic plans, which blur units, and other widths are not here. Biases
 * belong to the weights that come in, which their code leaves out.
 */
export const otFusionPart: AlignerPart<typeof schema> = {
  name: 'otFusion',
  summary: 'Units transported at the least cost, layer by layer (OT fusion, Singh and Jaggi 2020), with exact plans.',
  schema,
  make: ({ by, examples: count }) =>
    oneByOne('otFusion', by === 'activations' ? count : 0, async (input, model) => {
      const { plan, groups, reference, examples } = input
      const sums = by === 'activations' ? await unitSums(plan, groups, [reference, model], examples) : null
      // ‖a_i − b_j‖² = ‖a_i‖² + ‖b_j‖² − 2 ⟨a_i, b_j⟩, and every plan pays all the squares.
      return forwardMatching(groups, model, async (group, index, ordered) => {
        if (sums) return sums[index]!.ab
        const axes = readyAxes(group, index)
        const [a, b] = [reference, ordered].map(params => unitRows(params, group.units, axes)) as [
          Float32Array,
          Float32Array,
        ]
        return gram(a, b, group.units)
      })
    }),
}
