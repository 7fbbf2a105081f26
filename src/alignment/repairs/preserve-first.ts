import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { Params } from '../../core/layout.ts'
import type { NetworkPlan, PlanOp } from '../../core/network-plan.ts'
import { inputsOf, unitsOf } from './moments.ts'
import type { Merged, MergeInput, RepairPart } from './repair.ts'

const schema = z.strictObject({
  name: z.literal('preserveFirst'),
  layers: z
    .int()
    .min(1)
    .default(1)
    .meta({ description: 'first layers that every parent keeps; the merge grows by them' }),
})

/**
 * Preserve-first merging (Qu and Horváth 2024, arXiv 2402.05966): the first layers of every parent stay as they are, side by
 * side, and the rest is the parents' mean. The next layer reads them all: each parent's features go through that parent's own
 * weights, and what comes out is averaged before ReLU, which is one layer [½ W_A, ½ W_B] on their concatenation. The merge is
 * larger than a model, by the kept layers and the one after them for every further parent. Mean and features only fit if the
 * parents are aligned.
 *
 * Written from the paper's description, its code having not been read: where the kept part ends, and that the first merged layer
 * has each parent's own weights, are our reading.
 */
export const preserveFirstPart: RepairPart<typeof schema> = {
  name: 'preserveFirst',
  summary: 'Keeps the first layers of every model side by side and merges the rest: it grows (Qu and Horváth 2024).',
  schema,
  make: ({ layers }) => ({
    name: 'preserveFirst',
    ...{ examples: 0, grows: true },
    check: plan => void cutAfter(plan, layers),
    merge: async input => grown(input, cutAfter(input.plan, layers)),
  }),
}

/** The index of the op that reads the last kept value, and alone does. Throws `model_invalid` where there is none. */
function cutAfter({ ops }: NetworkPlan, layers: number): number {
  const weighted = [...ops.keys()].filter(index => 'kernel' in ops[index]!)
  const next = weighted[layers]
  const value = next === undefined ? -1 : ops[next]!.inputs[0]!
  const alone = next === value && ops.slice(next + 1).every(({ inputs }) => inputs.every(input => input > next))
  if (next !== undefined && alone) return next
  const possible = weighted.flatMap((index, count) =>
    count > 0 &&
    ops[index]!.inputs[0] === index &&
    ops.slice(index + 1).every(op => op.inputs.every(input => input > index))
      ? [count]
      : [],
  )
  throw new FedError('model_invalid', {
    expected: `preserveFirst with layers: ${possible.join(', ') || 'none, for this model'}`,
    received: `layers: ${layers}`,
    hint: 'The network has to be cut where one value goes from one layer to the next',
  })
}

/** Ops 0 … cut of each model on the one input, the mean of what they give, and the average model's ops after that. */
function grown({ plan, models, weights: shares, average }: MergeInput, cut: number): Merged {
  const weights = weightList(plan)
  const ops: PlanOp[] = []
  const last = plan.ops[cut]!
  const ends = models.map((params, k) => {
    const start = ops.length
    for (const [index, op] of plan.ops.slice(0, cut + 1).entries()) {
      // Value 0 is the input that all share, value i + 1 what op i of this branch gives.
      const inputs = op.inputs.map(value => (value === 0 ? 0 : value + start))
      const layer = index === cut ? `${op.layer}/${k + 1}` : op.layer
      const part = weights.copy(index, params, index === cut ? shares[k]! : 1)
      ops.push({ ...op, ...part, layer, inputs, relu: op.relu && (index < cut || models.length === 1) } as PlanOp)
    }
    return ops.length
  })
  let sum = ends[0]!
  for (const [k, end] of ends.slice(1).entries()) {
    const relu = last.relu && k === ends.length - 2
    sum = ops.push({ kind: 'add', layer: `${last.layer}/mean`, inputs: [sum, end], size: last.size, relu })
  }
  const moved = sum - (cut + 1)
  for (const [index, op] of plan.ops.entries()) {
    if (index <= cut) continue
    const inputs = op.inputs.map(value => value + moved)
    ops.push({ ...op, ...weights.copy(index, average, 1), inputs } as PlanOp)
  }
  const params = weights.all()
  return { plan: { ...plan, numParams: params.length, ops }, params }
}

/** Collects the weights of ops of a plan, one after another. */
function weightList(plan: NetworkPlan) {
  const values: number[] = []
  const append = (params: Params, from: number, count: number, factor: number) => {
    const at = values.length
    for (let i = from; i < from + count; i++) values.push(factor * params[i]!)
    return at
  }
  return {
    /** Where the weights of an op lie now, `factor` times those of a model; nothing for an op without. */
    copy(index: number, params: Params, factor: number): { kernel?: number; bias?: number | null } {
      const op = plan.ops[index]!
      if (!('kernel' in op)) return {}
      const units = unitsOf(plan, index)
      const kernel = append(params, op.kernel, inputsOf(plan, index) * units, factor)
      return { kernel, bias: op.bias === null ? null : append(params, op.bias, units, factor) }
    },
    all: (): Params => Float32Array.from(values),
  }
}
