import { extraKey } from '../core/extras.ts'
import type { LayerBlock, LayerLayout } from '../core/layout.ts'
import { blockSegment } from '../protocol/segments.ts'
import { extrasOf, type Strategy } from '../strategies/strategy.ts'
import type { ClientState } from './ports.ts'

// What a method itself exchanges: the bytes that devices would send and get that keep their own layers, one client on each. The
// coordinator keeps those layers for clients that any process may train, so more travels here.

/** A client's part in a round, as it is sent out. */
export interface Outset {
  /** Blocks that are averaged in some round. */
  readonly shared: readonly LayerBlock[]
  readonly own: ClientState
  /** Whether a client with a version of its own of a block needs the global one beside it. */
  readonly mixes: (block: LayerBlock) => boolean
  /** Blocks that the client draws itself. */
  readonly initialise: readonly string[]
  /** What all clients are told beside the blocks. */
  readonly told: ClientState
  /** Whether the coordinator puts what the client keeps in another order. */
  readonly reordered: boolean
}

/** Bytes that a client has to get: shared blocks of which it has none of its own, and what all are told. */
export function fetched({ shared, own, mixes, initialise, told, reordered }: Outset): number {
  const lacks = (block: LayerBlock) =>
    (mixes(block) || !own.has(blockSegment(block.name))) && !initialise.includes(block.name)
  const blocks = shared.filter(lacks).reduce((sum, { size }) => sum + size, 0)
  const sent = [...told.values(), ...(reordered ? own.values() : [])]
  return sent.reduce((sum, { byteLength }) => sum + byteLength, blocks * BYTES)
}

/** Bytes of those segments of an update that are `collected`; the rest the coordinator only keeps for the client. */
export function needed(segments: ClientState, collected: readonly string[]): number {
  return collected.reduce((sum, name) => sum + (segments.get(name)?.byteLength ?? 0), 0)
}

/** Names of the segments that a method needs of its clients: blocks, and what it asks for beside them that is not for the client. */
export function collectedBy(strategy: Strategy, { blocks }: LayerLayout, collected: readonly string[]): string[] {
  const extras = extrasOf({ ...strategy, personal: null })
  const keys = extras.flatMap(({ name }) => blocks.map(block => extraKey(name, block.name)))
  return [...collected.map(blockSegment), ...keys]
}

const BYTES = Float32Array.BYTES_PER_ELEMENT
