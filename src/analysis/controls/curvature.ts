import { FedError } from '../../core/errors.ts'
import type { LayerBlock, LayerLayout, Params } from '../../core/layout.ts'
import { finiteOrNull } from '../../core/records.ts'
import type { EvaluateFamily } from '../evaluation.ts'
import { mixedBlock, requireSize } from '../mixture.ts'
import type { PathSpec } from '../paths/path.ts'

/** Coefficients of endpoint 2 around which the curvature is taken. */
export const CURVATURE_AT = [0, 0.5, 1] as const

export interface Curvature extends PathSpec {
  /** Second derivative of the loss by the coefficient, nats, at `CURVATURE_AT`; null where a loss was not finite. */
  readonly curvature: readonly (number | null)[]
  /** How far the loss in the middle lies above the mean of the path's two ends: as measured, and as predicted twice. */
  readonly rise: number | null
  readonly predicted: { readonly ends: number | null; readonly middle: number | null }
}

export interface CurvatureRequest {
  readonly layout: LayerLayout
  readonly a: Params
  readonly b: Params
  readonly paths: readonly PathSpec[]
  /** h below, in units of the coefficient. */
  readonly step?: number | undefined
  readonly evaluateFamily: EvaluateFamily
}

/** The coefficient of weights, and that of running statistics. */
type Point = readonly [weights: number, statistics: number]

/**
 * The curvature of the loss along paths between two models, d'Hd with d = W2 − W1 in the layers that move, by central second
 * differences
 *
 *   (E(t + h) − 2 E(t) + E(t − h)) / h²,   t = 0, ½, 1
 *
 * so at the ends the path goes on a little beyond the models. There it is one of weights: running statistics are those of the end, as a
 * variance can sink below zero beyond it; around the middle they go along. Where it is convex along single layers and not along all of
 * them (Adilova et al., ICLR 2024, theorem 4.1; "Landscaping Linear Mode Connectivity", 2024, arXiv 2406.16300), it is positive
 * along those and negative in the middle of the full path. Where the ends are minima along the path, the second order of the loss at
 * the ends, or at the middle, predicts the rise in the middle:
 *
 *   E(½) − ½ (E(0) + E(1)) ≈ (E''(0) + E''(1)) / 16,   ≈ − E''(½) / 8
 *
 * (derived from a (1 − a) / 2 · [(1 − a) E''(0) + a E''(1)] and − a (1 − a) / 2 · E''(a) at a = ½). Up to nine models a
 * path, evaluated together.
 * Throws `layout_mismatch`, `input_invalid` for a step outside (0, ½], and what the evaluation throws.
 */
export async function curvatures(request: CurvatureRequest): Promise<Curvature[]> {
  const { layout, a, b, paths, step = 0.1, evaluateFamily } = request
  requireSize(layout, a, 'model 1')
  requireSize(layout, b, 'model 2')
  if (!(step > 0 && step <= 0.5))
    throw new FedError('input_invalid', { expected: 'a step of second differences in (0, 0.5]', received: `${step}` })
  const points = CURVATURE_AT.flatMap(at => [at - step, at, at + step].map((t): Point => [t, at === 0.5 ? t : at]))
  // Equal versions of a block are equal bits: the first two are the models, which the other layers come from.
  const versions: readonly Point[] = [[0, 0], [1, 1], ...points]
  const versionOf = ([t, held]: Point) => versions.findIndex(known => known[0] === t && known[1] === held)
  const models = paths.flatMap(({ layers, base }) => {
    const moves = layout.blocks.map(({ name }) => layers.includes(name))
    return points.map(point => moves.map(moved => (moved ? versionOf(point) : (base ?? 1) - 1)))
  })
  const values = (block: LayerBlock, version: number) => {
    const [t, held] = versions[version]!
    return mixedBlock(a, b, t, block, held)
  }
  const losses = (await evaluateFamily({ layout, models, values })).map(({ loss }) => loss)
  const perPath = 3 * CURVATURE_AT.length
  return paths.map((spec, p) => {
    const [start, middle, end] = CURVATURE_AT.map((_, at) =>
      losses.slice(p * perPath + 3 * at, p * perPath + 3 * at + 3),
    )
    const [atStart, atMiddle, atEnd] = [start!, middle!, end!].map(
      ([before, here, after]) => (after! - 2 * here! + before!) / step ** 2,
    ) as [number, number, number]
    return {
      ...spec,
      curvature: [atStart, atMiddle, atEnd].map(finiteOrNull),
      rise: finiteOrNull(middle![1]! - (start![1]! + end![1]!) / 2),
      predicted: { ends: finiteOrNull((atStart + atEnd) / 16), middle: finiteOrNull(-atMiddle / 8) },
    }
  })
}
