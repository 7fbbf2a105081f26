import { blocksMatching } from '../core/block-pattern.ts'
import { FedError } from '../core/errors.ts'
import type { LayerBlock, LayerLayout, Params } from '../core/layout.ts'
import type { Masks } from './mask.ts'
import type { LocalPlan } from './plan.ts'

/** Part of a client's round: which blocks learn, and for how long. */
export interface Phase {
  readonly blocks: ReadonlySet<LayerBlock>
  readonly epochs: number
  /** Which weights learn, by 1 and 0: float32[layout.size]; null for all of them. */
  readonly learns: Params | null
}

/**
 * The plan over the blocks of a model; one phase over all of them unless the plan has its own. Throws `layer_unknown` for
 * a pattern that names no block, and `input_invalid` for a phase that has nothing to train.
 */
export function phasesOf(layout: LayerLayout, plan: LocalPlan): readonly Phase[] {
  if (plan.mask) blocksMatching(layout, plan.mask.layers)
  const frozen = new Set(plan.frozen ? blocksMatching(layout, plan.frozen) : [])
  return (plan.phases ?? [{ train: ['*'], epochs: plan.epochs }]).map(({ train, epochs }) => {
    const blocks = blocksMatching(layout, train).filter(
      block => !frozen.has(block) && block.tensors.some(tensor => tensor.trainable),
    )
    const phase = { blocks: new Set(blocks), epochs, learns: null }
    if (plan.mask?.complement) requireHalves(phase)
    if (blocks.length > 0) return phase
    throw new FedError('input_invalid', {
      expected: `a layer block to train among ${train.join(', ')}`,
      received: `only blocks that are frozen (${plan.frozen?.join(', ') ?? 'none'}) or have no trainable weights`,
    })
  })
}

/**
 * The phases under a mask; where it has a complement, the first half of each phase's epochs (the longer one) and the second.
 * Throws `input_invalid` for a phase that is too short to have halves.
 */
export function maskedPhases(phases: readonly Phase[], { first, second }: Masks): readonly Phase[] {
  return phases.flatMap(phase => {
    if (!second) return { ...phase, learns: first }
    requireHalves(phase)
    const half = Math.ceil(phase.epochs / 2)
    return [
      { ...phase, epochs: half, learns: first },
      { ...phase, epochs: phase.epochs - half, learns: second },
    ]
  })
}

function requireHalves({ epochs }: Phase): void {
  if (epochs >= 2) return
  throw new FedError('input_invalid', {
    expected: 'at least two local epochs, one for each half of the weights',
    received: `${epochs}`,
    hint: 'Raise local.epochs, or leave out mask.complement',
  })
}
