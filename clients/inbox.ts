import { FedError } from '../src/core/errors.ts'
import { assembler, type BodyOptions } from '../src/protocol/assembler.ts'
import {
  type GlobalHeader,
  globalHeaderSchema,
  type RunOpen,
  type Segment,
  type TaskHeader,
  taskHeaderSchema,
} from '../src/protocol/messages.ts'
import { parseMessage } from '../src/protocol/parse.ts'
import { blockOfSegment, requireBodyBytes, valueName, viewSegments } from '../src/protocol/segments.ts'
import type { UpdateKey } from '../src/rounds/ports.ts'
import type { TaskName } from './tasks.ts'
import type { LocalTask } from './trainer.ts'

export type ReceivedTask = LocalTask & UpdateKey

/** Puts together what the coordinator sends. Everything throws `FedError` for a message that does not fit the run. */
export interface Inbox {
  global(header: unknown, chunk: unknown): void
  /** The task when this was its last part, else null. */
  task(header: unknown, chunk: unknown): ReceivedTask | null
  /** Forgets a task that is half here. */
  drop(name: TaskName): void
}

/** One for each connection: the coordinator sends the round's global blocks anew on each. */
export function createInbox(open: RunOpen): Inbox {
  const { chunkBytes } = open.limits
  const globals = assembler<GlobalHeader>({ chunkBytes })
  const tasks = assembler<TaskHeader>({ chunkBytes })
  let latest: { readonly round: number; readonly blocks: ReadonlyMap<string, Float32Array> } | null = null

  function requireOurs(header: { readonly run: string; readonly layout: string }): void {
    if (header.run !== open.run || header.layout !== open.layout)
      throw new FedError('message_invalid', {
        expected: `run ${open.run}, layout ${open.layout}`,
        received: `run ${header.run}, layout ${header.layout}`,
      })
  }

  return {
    global(raw, chunk) {
      const header = parseMessage(globalHeaderSchema, raw)
      requireOurs(header)
      const body = globals.add('global', header.part, requireBinary(chunk), () =>
        checked(header, open.shared, header.part.total),
      )
      if (body) latest = { round: body.about.round, blocks: split(open.shared, body.values).blocks }
    },
    task(raw, chunk) {
      const header = parseMessage(taskHeaderSchema, raw)
      requireOurs(header)
      const body = tasks.add(nameOf(header), header.part, requireBinary(chunk), () =>
        checked(header, header.segments, header.part.total),
      )
      if (!body) return null
      const { round, attempt, client, segments, initialise, reply } = body.about
      if (latest?.round !== round)
        throw new FedError('message_invalid', { expected: `the global blocks of round ${round} first` })
      const { blocks, memory } = split(segments, body.values)
      return { round, attempt, client, initialise, reply, global: latest.blocks, own: blocks, memory }
    },
    drop: name => tasks.drop(nameOf(name)),
  }
}

function checked<T>(about: T, segments: readonly Segment[], total: number): BodyOptions<T> {
  requireBodyBytes(segments, total)
  return { about, valueName: index => valueName(segments, index) }
}

/** Blocks by block name, the rest (optimizer memory) by segment name. */
function split(segments: readonly Segment[], values: Float32Array) {
  const blocks = new Map<string, Float32Array>()
  const memory = new Map<string, Float32Array>()
  for (const [name, segment] of viewSegments(segments, values)) {
    const block = blockOfSegment(name)
    if (block === null) memory.set(name, segment)
    else blocks.set(block, segment)
  }
  return { blocks, memory }
}

const EMPTY = new Uint8Array()

function requireBinary(chunk: unknown): Uint8Array {
  if (chunk === null) return EMPTY
  if (chunk instanceof Uint8Array) return chunk
  throw new FedError('message_invalid', { expected: 'a binary body', received: typeof chunk })
}

function nameOf({ round, client }: TaskName): string {
  return `${round}/${client}`
}
