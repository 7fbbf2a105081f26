import { type LayerLayout, type Params, weightsIn } from '../core/layout.ts'
import { cosineOf } from './cosine.ts'
import { requireSize } from './mixture.ts'

/** How far apart two models lie, in some of their layers or in all. */
export interface Closeness {
  /** ‖u − v‖, in units of the parameters. */
  readonly l2: number
  /** u · v / (‖u‖ ‖v‖); null when one of them is zero. */
  readonly cosine: number | null
}

/**
 * Distance and cosine of two models u, v, float32[layout.size], in the layers that are asked for, as one vector. The layers
 * are gone through once, in float64, whatever is asked then. Running statistics are left out: they have a scale of their own,
 * and no gradient moves them. Throws `layout_mismatch`.
 */
export function closeness(layout: LayerLayout, u: Params, v: Params): (layers: readonly string[]) => Closeness {
  for (const [params, name] of [
    [u, 'the first model'],
    [v, 'the second model'],
  ] as const)
    requireSize(layout, params, name)
  const sums = new Map(
    layout.blocks.map(weightsIn).map(({ name, offset, size }) => [name, sumsOf(u, v, offset, offset + size)]),
  )
  return layers => {
    const total = (i: number) => layers.reduce((sum, layer) => sum + (sums.get(layer)?.[i] ?? 0), 0)
    const [squared, dot, ofU, ofV] = [total(0), total(1), total(2), total(3)]
    return { l2: Math.sqrt(squared), cosine: cosineOf(dot, Math.sqrt(ofU), Math.sqrt(ofV)) }
  }
}

/** ‖u − v‖², u · v, ‖u‖², ‖v‖². */
function sumsOf(u: Params, v: Params, start: number, end: number): readonly number[] {
  let [squared, dot, ofU, ofV] = [0, 0, 0, 0]
  for (let i = start; i < end; i++) {
    const [a, b] = [u[i]!, v[i]!]
    squared += (a - b) ** 2
    dot += a * b
    ofU += a * a
    ofV += b * b
  }
  return [squared, dot, ofU, ofV]
}
