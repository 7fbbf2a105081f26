import type { LayerLayout } from '../../core/layout.ts'
import { type Closeness, closeness } from '../closeness.ts'
import type { Endpoint } from '../evaluation.ts'

export interface Distance extends Closeness {
  /** Ids of the two models. */
  readonly between: readonly [string, string]
  /** null: the whole vector. */
  readonly layer: string | null
}

/**
 * Distance and cosine between the parameters of every two models, layer by layer and whole: client and client, client and
 * initial model, client and global model (what Adilova et al., ICLR 2024, record with every checkpoint). Pairs in the order
 * of the list, the whole vector after the layers. The cosine is of the models, not of their updates: that is `drift`.
 * Float64. Throws `layout_mismatch`.
 */
export function modelDistances(layout: LayerLayout, models: readonly Endpoint[]): Distance[] {
  const names = layout.blocks.map(({ name }) => name)
  return models.flatMap((left, i) =>
    models.slice(i + 1).flatMap(right => {
      const close = closeness(layout, left.params, right.params)
      const between = [left.id, right.id] as const
      const layers = names.map(layer => ({ between, layer, ...close([layer]) }))
      return [...layers, { between, layer: null, ...close(names) }]
    }),
  )
}
