import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Params } from '../core/layout.ts'
import type { UnitPlan } from '../core/network-plan.ts'
import { type AlignerPart, examplesOption, oneByOne, referenceOption } from './aligner.ts'
import { applyOp, overBatches, valuesOf } from './forward.ts'
import { forwardMatching, readyAxes } from './forward-matching.ts'
import { makesUnits, type UnitGroup } from './unit-groups.ts'

const schema = z.strictObject({
  name: z.literal('covarianceMatching'),
  to: referenceOption,
  examples: examplesOption,
})

/**
 * Weight matching in which a weight counts by what comes through it (Ferbach et al., AISTATS 2024): layer by layer the order P
 * that minimises tr((W_ref − P W) Σ (W_ref − P W)ᵀ), Σ the second moment of what the layer reads in the reference, with a 1 for
 * the bias. Σ is never made: W_ref Σ Wᵀ is the mean product of what the two layers give for the same inputs.
 */
export const covarianceMatchingPart: AlignerPart<typeof schema> = {
  name: 'covarianceMatching',
  summary:
    "Weight matching, layer by layer, weighted by the second moment of each layer's inputs (Ferbach et al. 2024).",
  schema,
  make: ({ examples: count }) =>
    oneByOne('covarianceMatching', count, ({ plan, groups, reference, examples }, model) =>
      forwardMatching(groups, model, (group, index, ordered) =>
        outputProducts({ plan, group, index, examples }, reference, ordered),
      ),
    ),
}

interface Place {
  readonly plan: UnitPlan
  readonly group: UnitGroup
  readonly index: number
  readonly examples: Float32Array
}

/** Σ over examples and positions of what unit i of the reference and unit j of the model give before ReLU, given the same. */
async function outputProducts(
  { plan, group, index, examples }: Place,
  reference: Params,
  model: Params,
): Promise<Float64Array> {
  const { units } = group
  const ops = new Set(readyAxes(group, index).flatMap(({ op }) => (makesUnits(plan.ops[op]!) ? [op] : [])))
  const products = new Float64Array(units * units)
  await overBatches(
    plan,
    examples,
    x => {
      const values = valuesOf(plan, reference, x)
      return [...ops].map(at => {
        const op = plan.ops[at]!
        const inputs = op.inputs.map(value => values[value]!)
        const [a, b] = [reference, model].map(params => tf.reshape(applyOp(op, params, inputs), [-1, units]))
        return tf.matMul(a!, b!, true, false)
      })
    },
    results => {
      for (const result of results) for (const [at, value] of result.entries()) products[at]! += value
    },
  )
  return products
}
