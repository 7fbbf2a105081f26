import type { Params } from '../core/layout.ts'
import type { StateTree } from '../core/state-tree.ts'
import { toldBy } from '../strategies/memory.ts'
import type { Strategy } from '../strategies/strategy.ts'
import type { ServerState } from './ports.ts'

/**
 * What the coordinator remembers besides the parameters, as one plain tree: the strategy's own state, and the round in
 * which each block was last averaged (absent: never), which decides where a client's first version of it comes from.
 */
interface Memory {
  readonly strategy: StateTree
  readonly lastAveraged: Readonly<Record<string, number>>
}

export function memoryOf(server: ServerState): Memory {
  return server.strategy as unknown as Memory
}

export function withMemory(memory: Memory): StateTree {
  return { strategy: memory.strategy, lastAveraged: { ...memory.lastAveraged } }
}

/** The state before round 1. */
export function initialServer(params: Params): ServerState {
  return { round: 0, params, strategy: withMemory({ strategy: null, lastAveraged: {} }), clients: new Map() }
}

/** Memory of one round's state, which will be garbage soon. */
export function stateBytes({ params, clients }: ServerState): number {
  let bytes = params.byteLength
  for (const segments of clients.values()) for (const values of segments.values()) bytes += values.byteLength
  return bytes
}

/** What every client of the round after `server` is told beside the global model, by key. */
export function toldAfter({ exchange }: Strategy, server: ServerState): ReadonlyMap<string, Float32Array> {
  return toldBy(exchange, memoryOf(server).strategy)
}
