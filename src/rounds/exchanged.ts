import { extraNamed } from '../core/extras.ts'
import type { LayerBlock } from '../core/layout.ts'
import { blockSegment } from '../protocol/segments.ts'
import type { ClientState } from './ports.ts'

// What a method itself exchanges: the bytes that devices would send and get that keep their own layers, one client on each. The
// coordinator keeps those layers for clients that any process may train, so more travels here.

/** A client's part in a round, as it is sent out. */
export interface Outset {
  /** Blocks that are averaged in some round. */
  readonly shared: readonly LayerBlock[]
  /** What the client keeps: blocks among it are newer than the global ones, or as new. */
  readonly own: ClientState
  /** Blocks that the client draws itself. */
  readonly initialise: readonly string[]
  /** What all clients are told beside the blocks. */
  readonly told: ClientState
  /** Whether the coordinator puts what the client keeps in another order. */
  readonly reordered: boolean
}

/** Bytes that a client has to get: shared blocks of which it has none of its own, and what all are told. */
export function fetched({ shared, own, initialise, told, reordered }: Outset): number {
  const lacks = ({ name }: LayerBlock) => !own.has(blockSegment(name)) && !initialise.includes(name)
  const blocks = shared.filter(lacks).reduce((sum, { size }) => sum + size, 0)
  const sent = [...told.values(), ...(reordered ? own.values() : [])]
  return sent.reduce((sum, { byteLength }) => sum + byteLength, blocks * BYTES)
}

/** Bytes of an update that the coordinator needs: the blocks that are collected, and extras; not what it keeps for the client. */
export function needed(segments: ClientState, collected: readonly string[]): number {
  const blocks = new Set(collected.map(blockSegment))
  return [...segments].reduce(
    (sum, [name, { byteLength }]) => (blocks.has(name) || extraNamed(name) !== null ? sum + byteLength : sum),
    0,
  )
}

const BYTES = Float32Array.BYTES_PER_ELEMENT
