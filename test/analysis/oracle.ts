import type { Endpoint, Evaluate } from '../../src/analysis/evaluation.ts'
import type { PathSpec } from '../../src/analysis/paths/path.ts'
import type { LayerLayout, Params } from '../../src/core/layout.ts'
import type { BarrierRecord } from '../../src/core/records.ts'

/**
 * The second implementation of every barrier, from the definitions of Adilova et al. 2024 and nothing else: one point
 * after another, one parameter after another, each point evaluated anew.
 */
export async function oracleBarrier(
  { layout, a, b, grid, evaluate }: OracleInput,
  spec: PathSpec,
): Promise<Pick<BarrierRecord, 'loss' | 'error' | 'endpointLoss' | 'endpointError' | 'lossBarrier' | 'errorBarrier'>> {
  const loss: number[] = []
  const error: number[] = []
  for (const t of grid) {
    const point = await evaluate(oraclePoint(layout, a.params, b.params, t, spec.layers, spec.base ?? 1))
    loss.push(point.loss)
    error.push(1 - point.accuracy)
  }
  const [first, second] = [await evaluate(a.params), await evaluate(b.params)]
  const middle = (grid.length - 1) / 2
  return {
    loss,
    error,
    endpointLoss: [first.loss, second.loss],
    endpointError: [1 - first.accuracy, 1 - second.accuracy],
    lossBarrier: loss[middle]! - (first.loss + second.loss) / 2,
    errorBarrier: error[middle]! - (1 - first.accuracy + (1 - second.accuracy)) / 2,
  }
}

/** Of two models in some layers, as one vector: ‖a − b‖, and a · b / (‖a‖ ‖b‖). */
export function oracleCloseness(layout: LayerLayout, a: Params, b: Params, layers: readonly string[]) {
  const indices = layout.blocks
    .filter(({ name }) => layers.includes(name))
    .flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i))
  const sum = (of: (i: number) => number) => indices.reduce((total, i) => total + of(i), 0)
  const norms = Math.sqrt(sum(i => a[i]! ** 2)) * Math.sqrt(sum(i => b[i]! ** 2))
  return {
    distance: Math.hypot(...indices.map(i => a[i]! - b[i]!)),
    cosine: norms > 0 ? sum(i => a[i]! * b[i]!) / norms : null,
  }
}

export interface OracleInput {
  readonly layout: LayerLayout
  readonly a: Endpoint
  readonly b: Endpoint
  readonly grid: readonly number[]
  readonly evaluate: Evaluate
}

export function oraclePoint(
  layout: LayerLayout,
  a: Params,
  b: Params,
  t: number,
  layers: readonly string[],
  base: 1 | 2,
): Params {
  const point = new Float32Array(a.length)
  for (const block of layout.blocks)
    for (let i = block.offset; i < block.offset + block.size; i++) {
      if (layers.includes(block.name)) point[i] = (1 - t) * a[i]! + t * b[i]!
      else point[i] = base === 1 ? a[i]! : b[i]!
    }
  return point
}
