import { type LayerBlock, type LayerLayout, type Params, weightsIn } from '../core/layout.ts'
import type { EvaluateFamily } from './evaluation.ts'
import { meanParams } from './mean.ts'
import { mixedBlock, requireSize } from './mixture.ts'

export interface PredictionRequest {
  readonly layout: LayerLayout
  /** float32[layout.size] each, two at least. */
  readonly models: readonly Params[]
  /** Which of them are compared, by index. */
  readonly pairs: readonly (readonly [number, number])[]
  /** h below, in units of the way to the mean. */
  readonly step?: number | undefined
  readonly evaluateFamily: EvaluateFamily
}

export interface Prediction {
  /** Loss of each model, nats. */
  readonly losses: readonly number[]
  /** By pair, then base (the pair's first, its second), then layer: the rise at the midpoint, nats; NaN where it is not known. */
  readonly rises: readonly (readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>])[]
}

/**
 * What averaging a layer of two models at their midpoint would cost each of them, E(½) − E(base) ≈ g · d / 2 + d'Hd / 8 with d the way
 * to the other model in that layer. Slope and curvature of a model's loss in a layer are measured once, by central differences along
 * the way m to the mean of all models,
 *
 *   (E(h) − E(−h)) / 2h,   (E(h) − 2 E(0) + E(−h)) / h²
 *
 * and the gradient g is taken to lie along m, the curvature to be the same for each length in every direction: so a model costs
 * 1 + 2 L evaluations for L layers, however many pairs it is in, where the midpoints of P pairs cost P (2 + 2 L). Of two models it is the
 * second order along the way between them. (The curvature is that of "Landscaping Linear Mode Connectivity", 2024, arXiv 2406.16300, which
 * looks at minima; clients' models are none on each other's data, so the slope counts. What is assumed off the way to the mean is ours.)
 * All of it is about weights: running statistics stay those of the model.
 * Not known where a model is at the mean in a layer, and the other is not. Throws `layout_mismatch`.
 */
export async function predictedRises(request: PredictionRequest): Promise<Prediction> {
  const { layout, models, pairs, step = 0.1, evaluateFamily } = request
  for (const [i, model] of models.entries()) requireSize(layout, model, `model ${i + 1}`)
  const mean = meanParams(models)
  const losses: number[] = []
  /** By model and block, along the way to the mean: first and second derivative, and its squared length. */
  const courses: { readonly slope: number; readonly curvature: number; readonly squared: number }[][] = []
  for (const model of models) {
    const still = layout.blocks.map(() => 0)
    const moved = layout.blocks.flatMap((_, l) => [-step, step].map(t => still.with(l, t)))
    const family = {
      layout,
      models: [still, ...moved],
      // Statistics stay the model's: on their way back from the mean a variance would sink below zero.
      values: (block: LayerBlock, t: number) => mixedBlock(model, mean, t, block, 0),
    }
    const [here, ...around] = (await evaluateFamily(family)).map(({ loss }) => loss)
    losses.push(here!)
    courses.push(
      layout.blocks.map((block, l) => {
        const [before, after] = [around[2 * l]!, around[2 * l + 1]!]
        return {
          slope: (after - before) / (2 * step),
          curvature: (after - 2 * here! + before) / step ** 2,
          squared: product(block, [model, mean], [model, mean]),
        }
      }),
    )
  }
  const into = (i: number, j: number) =>
    new Map(
      layout.blocks.map((block, l) => {
        const [own, other] = [models[i]!, models[j]!]
        const { slope, curvature, squared } = courses[i]![l]!
        const length = product(block, [own, other], [own, other])
        const along = product(block, [own, other], [own, mean])
        return [block.name, length === 0 ? 0 : (slope * along) / squared / 2 + (curvature * length) / squared / 8]
      }),
    )
  return { losses, rises: pairs.map(([i, j]) => [into(i, j), into(j, i)] as const) }
}

type Way = readonly [from: Params, to: Params]

/** ⟨to − from, to − from⟩ of two ways, in the weights of one block. */
function product(block: LayerBlock, [a, b]: Way, [c, d]: Way): number {
  const { offset, size } = weightsIn(block)
  let sum = 0
  for (let i = offset; i < offset + size; i++) sum += (b[i]! - a[i]!) * (d[i]! - c[i]!)
  return sum
}
