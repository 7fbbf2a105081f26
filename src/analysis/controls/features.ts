import type { ActivationBatch } from '../../core/activations.ts'
import { blockNames, type LayerLayout, type Params } from '../../core/layout.ts'
import { cosineOf } from '../cosine.ts'
import { mix } from '../mixture.ts'
import { rowOf, type VisitActivations } from './activations.ts'
import { createVariances } from './variance.ts'

export interface FeatureConnectivity {
  readonly layer: string
  /** Mean over examples of 1 − cos(f(mix), mix of f): 0 where averaging weights averages features. */
  readonly distance: number | null
  /** Mean over examples of ⟨f(mix), mix of f⟩ / ‖mix of f‖²: below 1 where features shrink in the mix. */
  readonly coefficient: number | null
  /** Mean over examples of 1 − cos(f(W1), f(W2)): how different the two are to begin with. */
  readonly baseline: number | null
  /** Variance of the mix's features over the mean of the models': see `variance.ts`. */
  readonly varianceRatio: number | null
}

export interface FeatureRequest {
  readonly layout: LayerLayout
  readonly a: Params
  readonly b: Params
  /** Coefficient of the second model. */
  readonly interpolation?: number | undefined
  /** Gives every layer block's output, in layout order. */
  readonly visitFeatures: VisitActivations
}

/**
 * Whether averaging weights acts like averaging what each layer gives: f((1 − t) W1 + t W2) against (1 − t) f(W1) + t f(W2).
 * Layer-wise linear feature connectivity for two models of one task (Zhou et al., NeurIPS 2023, arXiv 2307.08286), cross-task
 * linearity for models that were trained on different data from one start (Zhou et al., ICML 2024, arXiv 2402.03660): the same
 * quantities. We take cos, not |cos| as the first paper's code: features that point the other way are not connected.
 * Examples for which a layer gives only zeros have no direction and are left out; null when all do.
 * Throws `layout_mismatch` and what running the models throws.
 */
export async function featureConnectivity(request: FeatureRequest): Promise<FeatureConnectivity[]> {
  const { layout, a, b, interpolation: t = 0.5, visitFeatures } = request
  const mixed = mix(
    a,
    b,
    layout.blocks.map(() => t),
    layout,
  )
  const layers = layout.blocks.map(() => ({ distance: newMean(), coefficient: newMean(), baseline: newMean() }))
  const variances = createVariances(layout.blocks.length)
  await visitFeatures([a, b, mixed], batch => {
    variances.add(batch)
    for (const [l, means] of layers.entries()) addLayer(means, batch, l, t)
  })
  const ratios = variances.ratios()
  return blockNames(layout).map((layer, l) => ({
    layer,
    distance: layers[l]!.distance.value(),
    coefficient: layers[l]!.coefficient.value(),
    baseline: layers[l]!.baseline.value(),
    varianceRatio: ratios[l]!,
  }))
}

interface Means {
  readonly distance: Mean
  readonly coefficient: Mean
  readonly baseline: Mean
}

function addLayer(means: Means, { rows, outputs }: ActivationBatch, layer: number, t: number): void {
  for (let row = 0; row < rows; row++) {
    const [f, g, m] = outputs.map(of => rowOf(of[layer]!, rows, row)) as [Float32Array, Float32Array, Float32Array]
    let [ff, gg, mm, fg, ss, ms] = [0, 0, 0, 0, 0, 0]
    for (let i = 0; i < f.length; i++) {
      const side = (1 - t) * f[i]! + t * g[i]!
      ff += f[i]! * f[i]!
      gg += g[i]! * g[i]!
      mm += m[i]! * m[i]!
      fg += f[i]! * g[i]!
      ss += side * side
      ms += m[i]! * side
    }
    means.distance.add(oneMinus(cosineOf(ms, Math.sqrt(mm), Math.sqrt(ss))))
    means.coefficient.add(ss > 0 ? ms / ss : null)
    means.baseline.add(oneMinus(cosineOf(fg, Math.sqrt(ff), Math.sqrt(gg))))
  }
}

function oneMinus(cosine: number | null): number | null {
  return cosine === null ? null : 1 - cosine
}

interface Mean {
  add(value: number | null): void
  value(): number | null
}

function newMean(): Mean {
  let [sum, count] = [0, 0]
  return {
    add(value) {
      if (value === null) return
      sum += value
      count++
    },
    value: () => (count === 0 ? null : sum / count),
  }
}
