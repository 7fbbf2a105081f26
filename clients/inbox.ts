import { FedError } from '../src/core/errors.ts'
import { extraNamed } from '../src/core/extras.ts'
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

/** `atOnce`: its update need not be offered. */
export type ReceivedTask = LocalTask & UpdateKey & { readonly atOnce: boolean }

/** Puts together what the coordinator sends. Everything throws `FedError` for a message that does not fit the run. */
export interface Inbox {
  global(header: unknown, chunk: unknown): void
  /** The task when this was its last part, else null. */
  task(header: unknown, chunk: unknown): ReceivedTask | null
  /** Forgets a task that is half here. */
  drop(name: TaskName): void
}

/**
 * One for each connection: the coordinator sends the round's global blocks anew on each. They lie where those of the round
 * before lay if `isIdle` says that nothing looks at these any more.
 */
export function createInbox(open: Omit<RunOpen, 'inputs'>, isIdle: () => boolean): Inbox {
  const { chunkBytes } = open.limits
  const globals = assembler<GlobalHeader>({ chunkBytes })
  const tasks = assembler<TaskHeader>({ chunkBytes })
  let latest: { readonly round: number; readonly values: Float32Array; readonly global: Received } | null = null
  let free: Float32Array | null = null

  function requireOurs(header: { readonly run: string; readonly layout: string }): void {
    if (header.run !== open.run || header.layout !== open.layout)
      throw new FedError('message_invalid', {
        expected: `run ${open.run}, layout ${open.layout}`,
        received: `run ${header.run}, layout ${header.layout}`,
      })
  }

  /** What the body of the round's global blocks holds. */
  const toldSegments = ({ extras = [] }: GlobalHeader) => [...open.shared, ...extras]

  return {
    global(raw, chunk) {
      const header = parseMessage(globalHeaderSchema, raw)
      requireOurs(header)
      if (header.part.offset === 0) {
        free = latest && isIdle() ? latest.values : null
        latest = null // all tasks of the round before are here
      }
      const body = globals.add('global', header.part, requireBinary(chunk), () => ({
        ...checked(header, toldSegments(header), header.part.total),
        allocate: length => (free?.length === length ? free : new Float32Array(length)),
      }))
      if (!body) return
      const { about, values } = body
      latest = { round: about.round, values, global: split(toldSegments(about), values) }
    },
    task(raw, chunk) {
      const header = parseMessage(taskHeaderSchema, raw)
      requireOurs(header)
      const body = tasks.add(nameOf(header), header.part, requireBinary(chunk), () =>
        checked(header, header.segments, header.part.total),
      )
      if (!body) return null
      const {
        round,
        attempt,
        client,
        segments,
        initialise,
        reply,
        numExamples,
        extras = [],
        atOnce = false,
      } = body.about
      if (latest?.round !== round)
        throw new FedError('message_invalid', { expected: `the global blocks of round ${round} first` })
      const { blocks, memory, extras: kept } = split(segments, body.values)
      const { blocks: global, extras: told } = latest.global
      return {
        ...{ round, attempt, client, initialise, reply, numExamples, extras, atOnce },
        global,
        told,
        own: blocks,
        memory,
        kept,
      }
    },
    drop: name => tasks.drop(nameOf(name)),
  }
}

function checked<T>(about: T, segments: readonly Segment[], total: number): BodyOptions<T> {
  requireBodyBytes(segments, total)
  // No other thread reads it, and V8 counts what is not shared: it is collected soon enough.
  return { about, valueName: index => valueName(segments, index), allocate: length => new Float32Array(length) }
}

/** Blocks by block name, extras and the rest (optimizer memory) by segment name. */
interface Received {
  readonly blocks: ReadonlyMap<string, Float32Array>
  readonly extras: ReadonlyMap<string, Float32Array>
  readonly memory: ReadonlyMap<string, Float32Array>
}

function split(segments: readonly Segment[], values: Float32Array): Received {
  const blocks = new Map<string, Float32Array>()
  const extras = new Map<string, Float32Array>()
  const memory = new Map<string, Float32Array>()
  for (const [name, segment] of viewSegments(segments, values)) {
    const block = blockOfSegment(name)
    if (block !== null) blocks.set(block, segment)
    else (extraNamed(name) ? extras : memory).set(name, segment)
  }
  return { blocks, extras, memory }
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
