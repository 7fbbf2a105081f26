import * as tf from '@tensorflow/tfjs-core'
import type { Params } from '../core/layout.ts'
import type { UnitPlan } from '../core/network-plan.ts'
import { overBatches, ROWS, valuesOf } from './forward.ts'
import type { UnitAxis, UnitGroup } from './unit-groups.ts'

/** How alike the units of two models are in what they give on examples: sums over examples and positions, in float64. */
export interface UnitSums {
  readonly count: number
  /** By unit: Σ a, Σ a², Σ b, Σ b². */
  readonly a: Float64Array
  readonly aa: Float64Array
  readonly b: Float64Array
  readonly bb: Float64Array
  /** Σ a_i b_j, float64[units · units]. */
  readonly ab: Float64Array
}

/**
 * By group, the sums over what the layers read that come after it: behind ReLU and pooling. The engine sums in float32, so the
 * values are taken from a point near their mean, and the sums moved back in float64.
 */
export async function unitSums(
  plan: UnitPlan,
  groups: readonly UnitGroup[],
  models: readonly [Params, Params],
  examples: Float32Array,
): Promise<readonly UnitSums[]> {
  const samples = (x: tf.Tensor2D) =>
    models.map(params => {
      const values = valuesOf(plan, params, x)
      return groups.map(group => samplesOf(plan, group, values))
    })
  const near: Float32Array[][] = []
  await overBatches(
    plan,
    examples.subarray(0, ROWS * plan.inputSize),
    x => samples(x).flatMap(groups => groups.map(values => tf.mean(values, 0))),
    means => near.push(means.slice(0, groups.length), means.slice(groups.length)),
  )
  const counts = groups.map(() => 0)
  const sums = groups.map(({ units }) => [1, 1, 1, 1, units].map(width => new Float64Array(units * width)))
  await overBatches(
    plan,
    examples,
    x => {
      const [left, right] = samples(x).map((of, m) =>
        of.map((values, g) => tf.sub<tf.Tensor2D>(values, tf.tensor1d(near[m]![g]!))),
      )
      return left!.flatMap((a, g) => {
        const b = right![g]!
        const moments = [a, b].flatMap(values => [tf.sum(values, 0), tf.sum(tf.square(values), 0)])
        return [...moments, tf.matMul(a, b, true, false), tf.tensor1d([a.shape[0]])]
      })
    },
    results => {
      for (const [g, totals] of sums.entries()) {
        for (const [i, total] of totals.entries())
          for (const [at, value] of results[g * 6 + i]!.entries()) total[at]! += value
        counts[g]! += results[g * 6 + 5]![0]!
      }
    },
  )
  return sums.map((totals, g) => movedBack(totals, counts[g]!, near[0]![g]!, near[1]![g]!))
}

/** The sums of a + p and b + q, from those of a and b. */
function movedBack(totals: readonly Float64Array[], count: number, p: Float32Array, q: Float32Array): UnitSums {
  const [a, aa, b, bb, ab] = totals as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]
  const units = a.length
  return {
    count,
    a: a.map((sum, i) => sum + count * p[i]!),
    aa: aa.map((sum, i) => sum + p[i]! * (2 * a[i]! + count * p[i]!)),
    b: b.map((sum, i) => sum + count * q[i]!),
    bb: bb.map((sum, i) => sum + q[i]! * (2 * b[i]! + count * q[i]!)),
    ab: ab.map((sum, at) => {
      const [i, j] = [Math.floor(at / units), at % units]
      return sum + p[i]! * b[j]! + q[j]! * a[i]! + count * p[i]! * q[j]!
    }),
  }
}

/** Pearson's correlation of each unit of the one with each of the other; 0 where one of them never changes. */
export function correlations({ count, a, aa, b, bb, ab }: UnitSums): Float64Array {
  const units = a.length
  const deviation = (sum: number, squares: number) => Math.sqrt(Math.max(0, squares - (sum * sum) / count))
  return ab.map((product, at) => {
    const [i, j] = [Math.floor(at / units), at % units]
    const scale = deviation(a[i]!, aa[i]!) * deviation(b[j]!, bb[j]!)
    return scale > 0 ? (product - (a[i]! * b[j]!) / count) / scale : 0
  })
}

/** float32[examples · positions, units] of every value of the group that some layer reads, one below the other. */
function samplesOf({ ops }: UnitPlan, { axes, units }: UnitGroup, values: readonly tf.Tensor2D[]): tf.Tensor2D {
  const reads = ({ side, op }: UnitAxis) => side === 'in' || ops[op]!.kind === 'depthwise'
  const read = new Set(axes.filter(reads).map(({ op }) => ops[op]!.inputs[0]!))
  return tf.concat([...read].map(value => tf.reshape(values[value]!, [-1, units])))
}
