import { blocksMatching } from '../core/block-pattern.ts'
import { FedError } from '../core/errors.ts'
import type { LayerBlock, LayerLayout } from '../core/layout.ts'
import type { LocalPlan } from './plan.ts'

/** Part of a client's round: which blocks learn, and for how long. */
export interface Phase {
  readonly blocks: ReadonlySet<LayerBlock>
  readonly epochs: number
}

/**
 * The plan over the blocks of a model; one phase over all of them unless the plan has its own. Throws `layer_unknown` for
 * a pattern that names no block, and `input_invalid` for a phase that has nothing to train.
 */
export function phasesOf(layout: LayerLayout, plan: LocalPlan): readonly Phase[] {
  const frozen = new Set(plan.frozen ? blocksMatching(layout, plan.frozen) : [])
  return (plan.phases ?? [{ train: ['*'], epochs: plan.epochs }]).map(({ train, epochs }) => {
    const blocks = blocksMatching(layout, train).filter(
      block => !frozen.has(block) && block.tensors.some(tensor => tensor.trainable),
    )
    if (blocks.length > 0) return { blocks: new Set(blocks), epochs }
    throw new FedError('input_invalid', {
      expected: `a layer block to train among ${train.join(', ')}`,
      received: `only blocks that are frozen (${plan.frozen?.join(', ') ?? 'none'}) or have no trainable weights`,
    })
  })
}
