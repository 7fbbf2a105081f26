import { FedError } from '../core/errors.ts'
import type { LayerBlock } from '../core/layout.ts'
import type { StateTree } from '../core/state-tree.ts'
import type { Exchange } from './exchanges/exchange.ts'
import type { ServerOptimizer } from './transform.ts'

/** The vectors that one server optimizer remembers of one block, each one value for each of its weights. */
export type BlockMemory = Readonly<Record<string, Float32Array>>

/** A strategy's memory between rounds: for each server optimizer in order, by block name. A block begins when first averaged. */
export interface Memory {
  /** The layer selector's own; null without one, and before the first round. */
  readonly layers: StateTree
  readonly server: readonly Readonly<Record<string, BlockMemory>>[]
  /** The exchange's own; null without one, and before the first round. */
  readonly exchange: StateTree
  /** That of what gives clients models of their own; null without it, and before the first round. */
  readonly personal: StateTree
}

/** Memory read from a checkpoint (or null before the first round); `checkpoint_invalid` when it is of another strategy. */
export function readMemory(state: StateTree, optimizers: readonly ServerOptimizer[]): Memory {
  if (state === null) return { server: optimizers.map(() => ({})), layers: null, exchange: null, personal: null }
  const { server, layers = null, exchange = null, personal = null } = state as unknown as Partial<Memory>
  if (!Array.isArray(server) || server.length !== optimizers.length)
    throw foreign(`memory of ${optimizers.length} server optimizers`, `${server?.length ?? 'none'}`)
  return { server, layers, exchange, personal }
}

/** What the clients of the next round are told beside the global model, by key. */
export function toldBy(exchange: Exchange | null, state: StateTree): ReadonlyMap<string, Float32Array> {
  return exchange?.tell((state as Partial<Memory> | null)?.exchange ?? null) ?? new Map()
}

/** What `optimizer`, the `index`-th, remembers of `block`: from the last round, or its start. */
export function memoryOf(memory: Memory, index: number, optimizer: ServerOptimizer, block: LayerBlock): BlockMemory {
  const start = optimizer.init(block)
  const stored = memory.server[index]?.[block.name]
  if (stored === undefined) return start
  const [expected, received] = [describe(start), describe(stored)]
  if (expected !== received) throw foreign(`${expected} (${optimizer.name}, ${block.name})`, received)
  return stored
}

/**
 * Puts what a server optimizer remembers of a block, or of a piece of it from `start` on, into its memory after the round: in
 * new arrays, since those of the last round are still read. Pieces come first to last.
 */
export function remember(
  after: Record<string, BlockMemory>,
  { name, size }: LayerBlock,
  start: number,
  vectors: BlockMemory,
): void {
  const entries = Object.entries(vectors)
  if (entries.length === 0) return
  if (entries.every(([, values]) => values.length === size)) {
    after[name] = vectors
    return
  }
  if (start === 0) after[name] = Object.fromEntries(entries.map(([key]) => [key, new Float32Array(size)]))
  for (const [key, values] of entries) after[name]![key]!.set(values, start)
}

function describe(memory: BlockMemory): string {
  const vectors = Object.keys(memory).sort()
  return vectors.map(key => `${key}: float32[${memory[key]?.length}]`).join(', ') || 'nothing'
}

function foreign(expected: string, received: string): FedError {
  return new FedError('checkpoint_invalid', {
    expected,
    received,
    hint: 'The checkpoint was written by another strategy, or by a version that took running statistics for weights: start the run anew',
  })
}
