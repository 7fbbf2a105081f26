import { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { Params } from '../../core/layout.ts'
import type { NetworkPlan } from '../../core/network-plan.ts'
import { examplesOption } from '../aligner.ts'
import { hiddenLayers, inputsOf, type Moments, momentsOf, unitsOf } from './moments.ts'
import type { Merged, MergeInput, RepairPart } from './repair.ts'

const repairSchema = z.strictObject({ name: z.literal('repair'), examples: examplesOption })
const rescaleSchema = z.strictObject({ name: z.literal('rescale'), examples: examplesOption })

/**
 * REPAIR (Jordan et al., ICLR 2023): the average of the models, in which each hidden unit is then given the mean and the standard
 * deviation before ReLU that its parents have on the average, each counting as it does in the average of weights, layer by layer from the input on, so that each layer's statistics
 * are those behind the repaired ones. The map goes into kernel and bias, so the model does not grow.
 */
export const repairPart: RepairPart<typeof repairSchema> = {
  name: 'repair',
  summary: 'Gives each hidden unit of the mean its parents’ mean and spread (REPAIR, Jordan et al. 2023).',
  schema: repairSchema,
  make: ({ examples }) => ({
    name: 'repair',
    ...{ examples, grows: false },
    check(plan) {
      for (const index of hiddenLayers(plan)) {
        const op = plan.ops[index]!
        if ('bias' in op && op.bias === null)
          throw new FedError('model_invalid', {
            expected: 'a bias in every hidden layer, which REPAIR shifts',
            received: `layer ${op.layer} without`,
            hint: 'rescale needs none',
          })
      }
    },
    merge: input => renormalized(input, ({ scale, from, to }) => ({ scale, shift: to - scale * from })),
  }),
}

/** RESCALE: only the spread, by one factor a unit on kernel and bias. */
export const rescalePart: RepairPart<typeof rescaleSchema> = {
  name: 'rescale',
  summary: 'Gives each hidden unit of the mean its parents’ spread (RESCALE, Jordan et al. 2023).',
  schema: rescaleSchema,
  make: ({ examples }) => ({
    name: 'rescale',
    ...{ examples, grows: false },
    check() {},
    merge: input => renormalized(input, ({ scale }) => ({ scale, shift: 0 })),
  }),
}

/** A unit's own mean and its parents', and the factor that gives it their spread. */
interface UnitMoments {
  readonly scale: number
  readonly from: number
  readonly to: number
}

/** y ← scale · y + shift for each unit. */
interface UnitMap {
  readonly scale: number
  readonly shift: number
}

async function renormalized(
  { plan, models, weights, average, examples }: MergeInput,
  mapOf: (unit: UnitMoments) => UnitMap,
): Promise<Merged> {
  const params = average.slice()
  const layers = hiddenLayers(plan)
  const parents: (readonly Moments[])[] = []
  for (const model of models) parents.push(await momentsOf(plan, model, layers, examples))
  for (const [l, index] of layers.entries()) {
    const own = (await momentsOf(plan, params, [index], examples))[0]!
    const wanted = (of: 'mean' | 'deviation', unit: number) =>
      parents.reduce((sum, moments, k) => sum + weights[k]! * moments[l]![of][unit]!, 0)
    const maps = Array.from(own.mean, (from, unit) => {
      const deviation = own.deviation[unit]!
      const scale = deviation > 0 ? wanted('deviation', unit) / deviation : 1
      return mapOf({ scale, from, to: wanted('mean', unit) })
    })
    apply(params, plan, index, maps)
  }
  return { plan, params }
}

/** Makes a map of each unit's output part of the layer, in place. */
function apply(params: Params, plan: NetworkPlan, index: number, maps: readonly UnitMap[]): void {
  const op = plan.ops[index]!
  if (!('kernel' in op)) return
  const units = unitsOf(plan, index)
  const rows = inputsOf(plan, index)
  for (const [unit, { scale, shift }] of maps.entries()) {
    for (let row = 0; row < rows; row++) params[op.kernel + row * units + unit]! *= scale
    if (op.bias !== null) params[op.bias + unit] = scale * params[op.bias + unit]! + shift
  }
}
