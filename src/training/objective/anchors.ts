import { extraKey } from '../../core/extras.ts'
import { type LayerLayout, type Params, view } from '../../core/layout.ts'

/**
 * The older anchors among what a client is told, the newest first, float32[layout.size] each. Layers that stay local have none:
 * there they are as `latest`, the global model of the round as far as the client knows it.
 */
export function olderAnchors(
  layout: LayerLayout,
  latest: Params,
  told: ReadonlyMap<string, Float32Array>,
): readonly Params[] {
  const stacks = layout.blocks.flatMap(block => {
    const values = told.get(extraKey('anchors', block.name))
    return values ? [{ block, values }] : []
  })
  const count = Math.max(0, ...stacks.map(({ block, values }) => values.length / block.size))
  return Array.from({ length: count }, (_, i) => {
    const anchor = latest.slice()
    for (const { block, values } of stacks)
      view(anchor, block).set(values.subarray(i * block.size, (i + 1) * block.size))
    return anchor
  })
}
