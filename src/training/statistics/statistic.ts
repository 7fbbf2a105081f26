import type { Extra } from '../../core/extras.ts'
import type { Params } from '../../core/layout.ts'
import type { Rng } from '../../core/rng.ts'
import type { Examples } from '../../data/examples.ts'
import type { Network } from '../../models/network.ts'

export interface StatisticInput {
  readonly network: Network
  /** The model that the client began the round with, float32[layout.size]. */
  readonly start: Params
  /** The client's model after training, float32[layout.size]. */
  readonly params: Params
  readonly examples: Examples
  /** The client's examples. */
  readonly indices: Uint32Array
  readonly batchSize: number
  readonly extra: Extra
  /** The client's stream for it. */
  readonly rng: Rng
  readonly signal?: AbortSignal | undefined
}

/** What a client finds out about its model and its data: by key, for each layer block that has it. Leaves no tensor. */
export type Statistic = (input: StatisticInput) => Promise<ReadonlyMap<string, Float32Array>>
