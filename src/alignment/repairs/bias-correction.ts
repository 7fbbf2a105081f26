import { z } from 'zod'
import type { NetworkPlan } from '../../core/network-plan.ts'
import { unitsOf } from './moments.ts'
import type { RepairPart } from './repair.ts'

const schema = z.strictObject({ name: z.literal('biasCorrection') })

/**
 * The average, with biases that shrink with depth: Σ wʰ b for a layer at depth h, w = 1 / K, where the mean has Σ w b. In
 * a mean of models that are not aligned what comes from the input shrinks from layer to layer, while biases do not, and drown it
 * (the vanishing feature, Qu and Horváth 2024, arXiv 2402.05966; the exponent is that of their code). A layer's depth is the
 * largest number of layers with weights on the way to it, itself included.
 */
export const biasCorrectionPart: RepairPart<typeof schema> = {
  name: 'biasCorrection',
  summary: 'The mean, with biases that shrink with depth as the features do (Qu and Horváth 2024).',
  schema,
  make: () => ({
    name: 'biasCorrection',
    ...{ examples: 0, grows: false },
    check() {},
    async merge({ plan, models, average }) {
      const params = average.slice()
      const depths = depthsOf(plan)
      for (const [index, op] of plan.ops.entries()) {
        if (!('kernel' in op) || op.bias === null) continue
        const shrunk = models.length ** (1 - depths[index + 1]!)
        for (let unit = 0; unit < unitsOf(plan, index); unit++) params[op.bias + unit]! *= shrunk
      }
      return { plan, params }
    },
  }),
}

/** By value of the plan. */
function depthsOf({ ops }: NetworkPlan): readonly number[] {
  const depths = [0]
  for (const op of ops) {
    const before = Math.max(...op.inputs.map(value => depths[value]!))
    depths.push('kernel' in op ? before + 1 : before)
  }
  return depths
}
