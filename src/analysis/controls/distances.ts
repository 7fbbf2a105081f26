import type { LayerLayout, Params } from '../../core/layout.ts'
import { cosineOf } from '../cosine.ts'
import type { Endpoint } from '../evaluation.ts'
import { requireSize } from '../mixture.ts'

export interface Distance {
  /** Ids of the two models. */
  readonly between: readonly [string, string]
  /** null: the whole vector. */
  readonly layer: string | null
  /** ‖u − v‖, in units of the parameters. */
  readonly l2: number
  /** u · v / (‖u‖ ‖v‖); null when one of them is zero. */
  readonly cosine: number | null
}

/**
 * Distance and cosine between the parameters of every two models, layer by layer and whole: client and client, client and
 * initial model, client and global model (what Adilova et al., ICLR 2024, record with every checkpoint). Pairs in the order
 * of the list, the whole vector after the layers. The cosine is of the models, not of their updates: that is `drift`.
 * Float64. Throws `layout_mismatch`.
 */
export function modelDistances(layout: LayerLayout, models: readonly Endpoint[]): Distance[] {
  for (const { id, params } of models) requireSize(layout, params, id)
  return models.flatMap((left, i) => models.slice(i + 1).flatMap(right => between(layout, left, right)))
}

function between(layout: LayerLayout, left: Endpoint, right: Endpoint): Distance[] {
  const sums = layout.blocks.map(({ offset, size }) => sumsOf(left.params, right.params, offset, offset + size))
  const whole = [0, 1, 2, 3].map(k => sums.reduce((sum, part) => sum + part[k]!, 0))
  return [...sums, whole].map(([squared, dot, u, v], b) => ({
    between: [left.id, right.id],
    layer: layout.blocks[b]?.name ?? null,
    l2: Math.sqrt(squared!),
    cosine: cosineOf(dot!, Math.sqrt(u!), Math.sqrt(v!)),
  }))
}

/** ‖u − v‖², u · v, ‖u‖², ‖v‖². */
function sumsOf(left: Params, right: Params, start: number, end: number): readonly number[] {
  let [squared, dot, u, v] = [0, 0, 0, 0]
  for (let i = start; i < end; i++) {
    const [a, b] = [left[i]!, right[i]!]
    squared += (a - b) ** 2
    dot += a * b
    u += a * a
    v += b * b
  }
  return [squared, dot, u, v]
}
