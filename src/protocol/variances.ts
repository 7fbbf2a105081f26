import { FedError } from '../core/errors.ts'
import { type LayerLayout, tensorViews } from '../core/layout.ts'
import { blockSegment } from './segments.ts'

/**
 * Throws `variance_negative` for an update that has a running variance below zero: no data gives one, and evaluation takes its
 * root. Nothing is looked at where the model has no running statistics.
 */
export function requireVariances(layout: LayerLayout, segments: ReadonlyMap<string, Float32Array>): void {
  for (const block of layout.blocks) {
    if (!block.tensors.some(({ statistic }) => statistic === 'variance')) continue
    const values = segments.get(blockSegment(block.name))
    if (!values) continue
    const views = tensorViews(values, { ...block, offset: 0 })
    for (const [t, { name, statistic }] of block.tensors.entries()) {
      const at = statistic === 'variance' ? views[t]!.findIndex(value => value < 0) : -1
      if (at < 0) continue
      throw new FedError('variance_negative', {
        expected: 'running variances of 0 or more',
        received: `${views[t]![at]} at ${name}[${at}]`,
        hint: 'The model that the client began with may have had it already: start the run anew',
      })
    }
  }
}
