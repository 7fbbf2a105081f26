import { blockNames, type LayerLayout } from '../../core/layout.ts'
import { ORDERS } from './orders.ts'
import { BASES, type CumulativeOrder, type PathKind, type PathOptions, type PathSpec } from './path.ts'

/**
 * Layers join one by one: for k = 1 … L the first k layers of an order move, the others stay those of one endpoint
 * (group barriers of Adilova et al., ICLR 2024). The first step is that layer's own path and the last is the full path,
 * in both of which the values agree exactly. The curve over k is neither additive nor monotone.
 */
export const cumulativePath: PathKind = {
  name: 'cumulative',
  summary: 'layers join one by one, in each of the orders, into each of the two models',
  specs: (layout, options) => options.orders.flatMap(order => specsInOrder(layout, order, options)),
}

/** Step by step, both bases at each; the last step keeps its two bases though no layer is left to come from them. */
function specsInOrder(layout: LayerLayout, order: CumulativeOrder, { rng }: PathOptions): readonly PathSpec[] {
  const names = blockNames(layout)
  const joining = ORDERS[order](names, rng.fork(order))
  return joining.flatMap((layer, step) => {
    const joined = new Set(joining.slice(0, step + 1))
    const layers = names.filter(name => joined.has(name))
    return BASES.map(base => ({ path: 'cumulative' as const, layer, layers, order, base }))
  })
}
