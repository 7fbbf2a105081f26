import type { LayerLayout } from '../core/layout.ts'
import type { Limits, Segment } from './messages.ts'

/** Largest body of one message. Larger ones gain nothing (socket.io reaches its full rate here) and block heartbeats. */
export const CHUNK_BYTES = 1 << 20

/** Messages with a body that may be unacknowledged on one connection: bounds what a slow reader makes us buffer. */
export const WINDOW = 4

/**
 * Socket.IO's `maxHttpBufferSize`: a chunk, or a JSON header. One byte above it the connection is cut without a word,
 * so both sides check the announced limits first.
 */
export const MAX_MESSAGE_BYTES = CHUNK_BYTES + (64 << 10)

/** An update with a larger body is offered first. */
export const OFFER_BYTES = 64 << 10

/** Bodies in several parts that one client process may have under way, and offers; further ones are told to wait. */
export const MAX_OPEN_BODIES = 4

/** Of a body of so many bytes, those that can be unacknowledged at a time. */
export function bytesUnderWay(bytes: number, { chunkBytes, window }: Limits): number {
  return Math.min(bytes, chunkBytes * window)
}

/** Copies of the parameters that an optimizer may remember: Adam's two moments. */
const OPTIMIZER_COPIES = 2

/** What the coordinator announces to a process that joins: an update holds at most the model, optimizer memory, and the run's extras. */
export function limitsFor(layout: LayerLayout, extras: readonly Segment[] = []): Limits {
  // And one counter for each block.
  const values =
    layout.size * (1 + OPTIMIZER_COPIES) + layout.blocks.length + extras.reduce((sum, { size }) => sum + size, 0)
  return {
    chunkBytes: CHUNK_BYTES,
    window: WINDOW,
    maxUpdateBytes: values * Float32Array.BYTES_PER_ELEMENT,
  }
}
