import type { Extra } from '../../core/extras.ts'
import type { LayerBlock, Params } from '../../core/layout.ts'
import type { StateTree } from '../../core/state-tree.ts'
import type { Cohort } from '../cohort.ts'
import type { Needs } from '../transform.ts'

/** How two clients' barriers are asked for: see `LayerBarriers`. */
export interface BarrierRequest {
  readonly metric: 'error' | 'loss'
  readonly pairs: number
  readonly split: 'train' | 'test'
  /** midpoint: above the mean of the two models; base-rise: above the model that takes the layer in. */
  readonly height: 'midpoint' | 'base-rise'
  /** probe: measured; curvature: predicted from the loss nearby, for the loss only. */
  readonly by: 'probe' | 'curvature'
}

/**
 * Measures, before anything is averaged, the barrier of each layer between clients of the round: by layer block, the larger
 * of the two bases, mean over the pairs. Error as a fraction, loss in nats per example.
 */
export type LayerBarriers = (request: BarrierRequest) => Promise<ReadonlyMap<string, number>>

export interface SelectorInput {
  readonly round: number
  /** The weights of the blocks that the layer rules average in this round, without statistics, in layout order. */
  readonly candidates: readonly LayerBlock[]
  readonly cohort: Cohort
  /** The global model before the round, float32[layout.size]. */
  readonly global: Params
  /** What it returned the last time; null before. */
  readonly memory: StateTree
  readonly layerBarriers: LayerBarriers
}

export interface Selected {
  /** By name: the blocks that are averaged, and the factor of their step. The others stay local in this round. */
  readonly factors: ReadonlyMap<string, number>
  /** The blocks whose values it had to look at in this round, averaged or not; none when left out. */
  readonly looked?: readonly string[] | undefined
  readonly memory: StateTree
}

/** Decides after the clients have trained which layers are averaged, from what came back and what it remembers. */
export interface LayerSelector {
  readonly name: string
  readonly needs?: Needs | undefined
  /** What each client has to send beside its update; the cohort then holds it. */
  readonly asks?: readonly Extra[] | undefined
  select(input: SelectorInput): Selected | Promise<Selected>
}
