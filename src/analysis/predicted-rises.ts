import type { LayerLayout, Params } from '../core/layout.ts'
import { closeness } from './closeness.ts'
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
 * What averaging a layer of two models at their midpoint would cost each of them by the second order of its loss, E(½) − E(base) ≈
 * d'Hd / 8 with d the difference in that layer, the model taken for a minimum along it. The curvature of a model in a layer is measured
 * once, by a central second difference along the way to the mean of all models,
 *
 *   (E(h) − 2 E(0) + E(−h)) / h²
 *
 * and taken to be as large for each length in every direction: so a model costs 1 + 2 L evaluations for L layers, however many pairs it
 * is in, where the midpoints of P pairs cost P (2 + 2 L). (After "Landscaping Linear Mode Connectivity", 2024, arXiv 2406.16300; the
 * scaling by length is ours.) Not known where a model is at the mean in a layer, and the other is not. Throws `layout_mismatch`.
 */
export async function predictedRises(request: PredictionRequest): Promise<Prediction> {
  const { layout, models, pairs, step = 0.1, evaluateFamily } = request
  for (const [i, model] of models.entries()) requireSize(layout, model, `model ${i + 1}`)
  const mean = meanParams(models)
  const losses: number[] = []
  /** By model and block: second derivative by length. */
  const curvatures: number[][] = []
  for (const model of models) {
    const still = layout.blocks.map(() => 0)
    const moved = layout.blocks.flatMap((_, l) => [-step, step].map(t => still.with(l, t)))
    const family = {
      layout,
      models: [still, ...moved],
      values: (block: LayerLayout['blocks'][number], t: number) => mixedBlock(model, mean, t, block),
    }
    const [here, ...around] = (await evaluateFamily(family)).map(({ loss }) => loss)
    const distance = closeness(layout, model, mean)
    losses.push(here!)
    curvatures.push(
      layout.blocks.map(({ name }, l) => {
        const second = (around[2 * l]! - 2 * here! + around[2 * l + 1]!) / step ** 2
        return second / distance([name]).l2 ** 2
      }),
    )
  }
  const rises = pairs.map(([i, j]) => {
    const distance = closeness(layout, models[i]!, models[j]!)
    const into = (base: number) =>
      new Map(
        layout.blocks.map(({ name }, l) => {
          const { l2 } = distance([name])
          return [name, l2 === 0 ? 0 : (curvatures[base]![l]! * l2 ** 2) / 8]
        }),
      )
    return [into(i), into(j)] as const
  })
  return { losses, rises }
}
