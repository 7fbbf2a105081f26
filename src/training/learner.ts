import type { LayerBlock, Params } from '../core/layout.ts'
import type { Rng } from '../core/rng.ts'
import type { Examples } from '../data/examples.ts'
import type { Network } from '../models/network.ts'
import type { Loss } from './loss-log.ts'
import type { OptimizerState } from './memory.ts'
import type { Objective } from './objective/objective.ts'
import type { Optimizer } from './optimizers/optimizer.ts'
import type { LocalPlan } from './plan.ts'
import type { Regularizer } from './regularizers/regularizer.ts'

/**
 * What takes the steps of one job: holds its weights and the optimizer's memory, and computes. In TF.js on any engine
 * (tensor-learner.ts), or on wasm without it (flat-learner.ts), with the same numbers. Owned until `free`.
 */
export interface Learner {
  /**
   * The steps of a phase that trains these blocks, until the next phase is begun. Weights whose value in `learns`,
   * float32[layout.size], is 0 keep their bits; null lets all learn.
   */
  phase(blocks: ReadonlySet<LayerBlock>, learns: Params | null): TakeStep
  /** A copy, in `into`: float32[layout.size]. */
  params(into: Params): Promise<void>
  /** The optimizer's memory, what the job was given included. */
  state(): Promise<OptimizerState>
  free(): void
}

/**
 * One local step: gradient of the mean loss of the batch, or what the objective makes of it, plus the regularizer's and the correction, clipped, given to the optimizer. As in
 * PyTorch, weight decay belongs to the optimizer and comes after clipping. Of the phase's blocks only those in `learning` do, when
 * it is given. Returns the loss before the step.
 */
export type TakeStep = (batch: BatchRange, learningRate: number, learning?: ReadonlySet<LayerBlock>) => Loss

/** The examples order[from … to). */
export interface BatchRange {
  readonly order: Uint32Array
  readonly from: number
  readonly to: number
}

export interface LearnerInput {
  readonly network: Network
  readonly examples: Examples
  readonly params: Params
  /** What a regularizer pulls towards. */
  readonly anchor: Params
  readonly state: OptimizerState
  /** Blocks that the job trains at some time. */
  readonly blocks: ReadonlySet<LayerBlock>
  readonly optimizer: Optimizer
  readonly regularizer: Regularizer | null
  /** null: the gradient of the batch's loss at the weights. */
  readonly objective: Objective | null
  /** Added to the logits of each example, float32[numClasses]. */
  readonly shift: Float32Array | null
  /** Added to each gradient, float32[layout.size]. */
  readonly correction: Params | null
  readonly plan: Pick<LocalPlan, 'clipNorm' | 'mask' | 'dropping'>
  /** The most examples in a batch. */
  readonly batchSize: number
  /** For what is random inside the network. */
  readonly noise: Rng
}
