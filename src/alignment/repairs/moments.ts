import * as tf from '@tensorflow/tfjs-core'
import type { Params } from '../../core/layout.ts'
import type { NetworkPlan } from '../../core/network-plan.ts'
import { applyOp, overBatches, valuesOf } from '../forward.ts'

/** By unit, over examples and positions, of what a layer gives before ReLU. */
export interface Moments {
  readonly mean: Float64Array
  readonly deviation: Float64Array
}

/** The ops with weights but for the last, which gives the logits. */
export function hiddenLayers({ ops }: NetworkPlan): readonly number[] {
  return [...ops.keys()].filter(index => 'kernel' in ops[index]! && index < ops.length - 1)
}

/** How many units, or filters, an op with weights has. */
export function unitsOf({ ops }: NetworkPlan, index: number): number {
  const op = ops[index]!
  if (op.kind === 'dense') return op.units
  return op.kind === 'convolution' ? op.filters : 0
}

/** How many values each unit of an op with weights is made from: the rows of its kernel. */
export function inputsOf({ ops, inputSize }: NetworkPlan, index: number): number {
  const op = ops[index]!
  if (op.kind === 'convolution') return op.window.height * op.window.width * op.window.channels
  return op.kind === 'dense' ? (ops[op.inputs[0]! - 1]?.size ?? inputSize) : 0
}

/** The moments of some ops of a network; batches are joined in float64 (Chan, Golub and LeVeque 1979), so no mean hides a spread. */
export async function momentsOf(
  plan: NetworkPlan,
  params: Params,
  layers: readonly number[],
  examples: Float32Array,
): Promise<readonly Moments[]> {
  const totals = layers.map(index => ({
    count: 0,
    mean: new Float64Array(unitsOf(plan, index)),
    squares: new Float64Array(unitsOf(plan, index)),
  }))
  await overBatches(
    plan,
    examples,
    x => {
      const values = valuesOf(plan, params, x)
      return layers.flatMap(index => {
        const op = plan.ops[index]!
        const inputs = op.inputs.map(value => values[value]!)
        const samples = tf.reshape(applyOp(op, params, inputs), [-1, unitsOf(plan, index)])
        const { mean, variance } = tf.moments(samples, 0)
        return [mean, variance, tf.tensor1d([samples.shape[0]!])]
      })
    },
    results => {
      for (const [l, total] of totals.entries()) {
        const [mean, variance, rows] = results.slice(3 * l, 3 * l + 3) as [Float32Array, Float32Array, Float32Array]
        const [before, added] = [total.count, rows[0]!]
        total.count = before + added
        for (const [unit, value] of mean.entries()) {
          const apart = value - total.mean[unit]!
          total.mean[unit]! += (apart * added) / total.count
          total.squares[unit]! += added * variance[unit]! + (apart * apart * before * added) / total.count
        }
      }
    },
  )
  return totals.map(({ count, mean, squares }) => ({ mean, deviation: squares.map(sum => Math.sqrt(sum / count)) }))
}
