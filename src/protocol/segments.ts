import { FedError } from '../core/errors.ts'
import { extraNamed } from '../core/extras.ts'
import { blockNamed, type LayerLayout } from '../core/layout.ts'
import type { Segment } from './messages.ts'

/**
 * A body is float32 segments back to back; the header lists their names and sizes. "block/fc1" is a layer block, "control/fc1"
 * one of the extras (src/core/extras.ts), any other prefix is memory of the client's optimizer.
 */
const BLOCK = 'block/'

export function blockSegment(block: string): string {
  return BLOCK + block
}

/** The block that a segment holds, null for optimizer memory. */
export function blockOfSegment(segment: string): string | null {
  return segment.startsWith(BLOCK) ? segment.slice(BLOCK.length) : null
}

/** The segments of whole blocks, in the order given. Throws `layer_unknown`. */
export function blockSegments(layout: LayerLayout, blocks: readonly string[]): readonly Segment[] {
  return blocks.map(name => ({ name: blockSegment(name), size: blockNamed(layout, name).size }))
}

export function bodyBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, { size }) => sum + size, 0) * Float32Array.BYTES_PER_ELEMENT
}

/** Views of each segment in a body; no copy. Throws `length_mismatch` when the body has another length. */
export function viewSegments(segments: readonly Segment[], body: Float32Array): ReadonlyMap<string, Float32Array> {
  requireBodyBytes(segments, body.byteLength)
  let offset = 0
  return new Map(
    segments.map(({ name, size }) => {
      const start = offset
      offset += size
      return [name, body.subarray(start, offset)]
    }),
  )
}

export interface Packed {
  readonly segments: readonly Segment[]
  readonly body: Uint8Array
}

/** Segments as a header's list and a body. Values that already lie back to back in one buffer are not copied. */
export function packSegments(values: ReadonlyMap<string, Float32Array>): Packed {
  const segments = [...values].map(([name, { length }]) => ({ name, size: length }))
  const parts = [...values.values()]
  const [first] = parts
  if (!first) return { segments, body: new Uint8Array(0) }
  const bytes = bodyBytes(segments)
  if (areAdjacent(parts)) return { segments, body: new Uint8Array(first.buffer, first.byteOffset, bytes) }
  const body = new Float32Array(bytes / Float32Array.BYTES_PER_ELEMENT)
  let offset = 0
  for (const part of parts) {
    body.set(part, offset)
    offset += part.length
  }
  return { segments, body: new Uint8Array(body.buffer) }
}

function areAdjacent(parts: readonly Float32Array[]): boolean {
  return parts.every((part, index) => {
    const before = parts[index - 1]
    return !before || (before.buffer === part.buffer && before.byteOffset + before.byteLength === part.byteOffset)
  })
}

/** Which value of a body lies at `index`, for messages: "block/fc1[17]". */
export function valueName(segments: readonly Segment[], index: number): string {
  let start = 0
  for (const { name, size } of segments) {
    if (index < start + size) return `${name}[${index - start}]`
    start += size
  }
  return `value ${index}`
}

export function requireBodyBytes(segments: readonly Segment[], received: number): void {
  const expected = bodyBytes(segments)
  if (received !== expected)
    throw new FedError('length_mismatch', {
      expected: `${expected} bytes for the segments of the header`,
      received: `${received} bytes`,
    })
}

/** In a task's `reply`, next to block names: send the optimizer's memory too, as segments after the blocks. */
export const OPTIMIZER_MEMORY = 'memory:optimizer'

/** What a task asks to be sent back. */
export interface Asked {
  /** Names of blocks, and `OPTIMIZER_MEMORY`. */
  readonly reply: readonly string[]
  readonly extras?: readonly Segment[] | undefined
  /** What the update has to count. */
  readonly numExamples: number
}

/**
 * Checks the segments of an update against what its task asked for: exactly the blocks of `reply`, in that order, then the
 * extras, and memory only when asked for. Throws `layout_mismatch` for a segment that is missing, unknown or out of place,
 * `length_mismatch` for one of another size, naming it and both sides.
 */
export function requireReply(
  layout: LayerLayout,
  { reply, extras = [] }: Omit<Asked, 'numExamples'>,
  received: readonly Segment[],
): void {
  const blocks = blockSegments(
    layout,
    reply.filter(name => name !== OPTIMIZER_MEMORY),
  )
  const wanted = [...blocks, ...extras]
  wanted.forEach((segment, index) => {
    requireSegment(segment, received[index])
  })
  const rest = received.slice(wanted.length)
  if (rest.length > 0 && !reply.includes(OPTIMIZER_MEMORY)) throw misplaced('no further segment', rest[0]?.name)
  requireMemory(layout, rest)
}

function requireSegment(wanted: Segment, received: Segment | undefined): void {
  if (received?.name !== wanted.name) throw misplaced(wanted.name, received?.name)
  if (received.size !== wanted.size)
    throw new FedError('length_mismatch', {
      expected: `${wanted.size} values in ${wanted.name}`,
      received: String(received.size),
    })
}

/** Memory is stored under its name, so the name must be made of what we know: "momentum/fc1", "updates/fc1". */
function requireMemory(layout: LayerLayout, segments: readonly Segment[]): void {
  const sizes = new Map(layout.blocks.map(block => [block.name, block.size]))
  const seen = new Set<string>()
  for (const { name, size } of segments) {
    const [, kind, block = ''] = /^([A-Za-z]{1,40})\/(.+)$/.exec(name) ?? []
    const limit = sizes.get(block)
    if (limit === undefined || `${kind}/` === BLOCK || extraNamed(name) !== null || seen.has(name))
      throw misplaced('optimizer memory of a block, each once', name)
    if (size > limit)
      throw new FedError('length_mismatch', { expected: `at most ${limit} values in ${name}`, received: String(size) })
    seen.add(name)
  }
}

function misplaced(expected: string, received = 'no further segment'): FedError {
  return new FedError('layout_mismatch', { expected, received: received.slice(0, 100) })
}
