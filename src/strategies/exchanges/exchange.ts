import type { Extra } from '../../core/extras.ts'
import type { LayerBlock, Params } from '../../core/layout.ts'
import type { StateTree } from '../../core/state-tree.ts'
import type { Member } from '../cohort.ts'
import type { Needs } from '../transform.ts'

export interface ExchangeInput {
  /** The global model before the round, float32[layout.size]. */
  readonly global: Params
  /** In ascending order of clients. */
  readonly members: readonly Member[]
  /** The blocks averaged in the round, statistics included, and the members' weights in each, in the order of `members`; they sum to 1. */
  readonly shares: readonly { readonly block: LayerBlock; readonly weights: Float64Array }[]
  /** Clients of the run, those of other rounds included. */
  readonly totalClients: number
  /** What it returned the last time; null before. */
  readonly state: StateTree
}

/** What coordinator and clients tell each other besides their models, and what the coordinator makes of it. */
export interface Exchange {
  readonly name: string
  readonly needs?: Needs | undefined
  readonly asks: readonly Extra[]
  /** What each client of the next round is told, by key: from the state that `close` returned. */
  tell(state: StateTree): ReadonlyMap<string, Float32Array>
  close(input: ExchangeInput): StateTree
}
