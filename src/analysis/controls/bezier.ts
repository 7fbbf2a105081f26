import type { Params } from '../../core/layout.ts'
import { finiteOrNull } from '../../core/records.ts'
import type { Evaluate } from '../evaluation.ts'
import { interpolationGrid } from '../interpolate.ts'
import { errorOf, lossOf } from '../probe.ts'

/** (1 − t)² W1 + 2 t (1 − t) bend + t² W2, float32[P]; float64 arithmetic, rounded once. */
export function bezierPoint(a: Params, bend: Params, b: Params, t: number): Params {
  const [first, middle, last] = [(1 - t) ** 2, 2 * t * (1 - t), t * t]
  return a.map((value, i) => first * value + middle * bend[i]! + last * b[i]!)
}

export interface CurveTest {
  /** Coefficients t on both curves. */
  readonly interpolation: readonly number[]
  /** Nats and fractions along the Bézier curve. */
  readonly loss: readonly (number | null)[]
  readonly error: readonly (number | null)[]
  /** The largest of each; null when one is not finite. */
  readonly largestLoss: number | null
  readonly largestError: number | null
  /** The same along the straight line, on the same grid. */
  readonly linearLargestLoss: number | null
  readonly linearLargestError: number | null
}

/**
 * Are two models in one basin if one may go round a corner? The curve with a bend that was trained (`trainBend` of
 * src/training), ends fixed, beside the straight line: where the line has a barrier and the curve has none they are connected,
 * only not linearly (Garipov et al., NeurIPS 2018; all control points are trained in Dold et al. 2025, arXiv 2503.03382, here
 * only the one between). The ends are evaluated as they are. 2 `points` − 2 models.
 */
export async function curveTest(
  {
    a,
    b,
    bend,
    points = 11,
  }: { readonly a: Params; readonly b: Params; readonly bend: Params; readonly points?: number },
  evaluate: Evaluate,
): Promise<CurveTest> {
  const interpolation = interpolationGrid(points)
  const inner = interpolation.slice(1, -1)
  const ends = [await evaluate(a), await evaluate(b)] as const
  const along = async (point: (t: number) => Params) => {
    const between = []
    for (const t of inner) between.push(await evaluate(point(t)))
    const all = [ends[0], ...between, ends[1]]
    return { loss: all.map(lossOf), error: all.map(errorOf) }
  }
  const curve = await along(t => bezierPoint(a, bend, b, t))
  const line = await along(t => a.map((value, i) => (1 - t) * value + t * b[i]!))
  return {
    interpolation,
    ...curve,
    largestLoss: largest(curve.loss),
    largestError: largest(curve.error),
    linearLargestLoss: largest(line.loss),
    linearLargestError: largest(line.error),
  }
}

function largest(values: readonly (number | null)[]): number | null {
  return finiteOrNull(
    values.reduce<number>((most, value) => Math.max(most, value ?? Number.NaN), Number.NEGATIVE_INFINITY),
  )
}
