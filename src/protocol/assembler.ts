import { FedError } from '../core/errors.ts'
import { type Body, type BodyChecks, receiveBody } from './body.ts'
import type { Part } from './messages.ts'

/** Monotonic milliseconds and timers; the coordinator's `Clock` is one. */
export interface Timers {
  now(): number
  after(ms: number, fire: () => void): { cancel(): void }
}

export interface AssemblerOptions {
  /** Largest body of one message. */
  readonly chunkBytes: number
  /** Bodies that may be incomplete at a time. */
  readonly maxOpen?: number
  /** A body that gains less than one chunk in `stallMs` is dropped: a sender that drips cannot hold memory for long. */
  readonly stall?: { readonly clock: Timers; readonly stallMs: number }
}

/** What is known of a body before it comes. */
export interface BodyOptions<T> extends BodyChecks {
  /** Kept with the body, e.g. the header of its first part. */
  readonly about: T
}

export interface ReceivedBody<T> extends Pick<Body, 'values' | 'fingerprint'> {
  readonly about: T
  /** When its first part came, by the assembler's clock; 0 without one. */
  readonly openedAt: number
}

/** Puts the parts of bodies together, each under its key. */
export interface Assembler<T> {
  /**
   * Takes one part; returns the body when this was its last. `admit` is asked before anything is allocated for a first
   * part, and refuses by throwing; a first part begins its body anew. Whatever is thrown ends the body of that key:
   * besides the errors of `receiveBody`, `message_too_large` for a part above `chunkBytes`, and `rate_limited` when too
   * many bodies are open or the earlier parts were dropped: send it again from its first part.
   */
  add(key: string, part: Part, chunk: Uint8Array, admit: () => BodyOptions<T>): ReceivedBody<T> | null
  drop(key: string): void
  clear(): void
  /** Bodies under way, and the bytes held for them. */
  readonly open: number
  readonly openBytes: number
}

interface Opened<T> {
  readonly about: T
  readonly body: Body
  readonly openedAt: number
  timer: { cancel(): void } | null
  /** Progress that the timer has seen. */
  seen: number
}

export function assembler<T>({
  chunkBytes,
  maxOpen = Number.POSITIVE_INFINITY,
  stall,
}: AssemblerOptions): Assembler<T> {
  const opened = new Map<string, Opened<T>>()

  function drop(key: string): void {
    opened.get(key)?.timer?.cancel()
    opened.delete(key)
  }

  function watch(key: string, entry: Opened<T>): void {
    if (!stall || (entry.timer && entry.body.received - entry.seen < chunkBytes)) return
    entry.timer?.cancel()
    entry.seen = entry.body.received
    entry.timer = stall.clock.after(stall.stallMs, () => drop(key))
  }

  function open(part: Part, whole: boolean, admit: () => BodyOptions<T>): Opened<T> {
    const { about, ...checks } = admit()
    if (!whole && opened.size >= maxOpen)
      throw new FedError('rate_limited', {
        expected: `at most ${maxOpen} updates under way`,
        hint: 'Send it again from its first part when another one is through',
      })
    return { about, body: receiveBody(part.total, checks), openedAt: stall?.clock.now() ?? 0, timer: null, seen: 0 }
  }

  function add(key: string, part: Part, chunk: Uint8Array, admit: () => BodyOptions<T>): ReceivedBody<T> | null {
    if (part.offset === 0) drop(key)
    const known = opened.get(key)
    if (!known && part.offset > 0)
      throw new FedError('rate_limited', {
        expected: 'the first part of the body',
        received: `the part at byte ${part.offset}`,
        hint: 'The earlier parts were dropped, perhaps after a pause: send it again from its first part',
      })
    const entry = known ?? open(part, chunk.byteLength === part.total, admit)
    if (chunk.byteLength > chunkBytes)
      throw new FedError('message_too_large', {
        expected: `at most ${chunkBytes} bytes in one message`,
        received: `${chunk.byteLength} bytes`,
      })
    entry.body.add(part, chunk)
    if (entry.body.complete) {
      drop(key)
      const { about, body, openedAt } = entry
      return { about, values: body.values, fingerprint: body.fingerprint, openedAt }
    }
    opened.set(key, entry)
    watch(key, entry)
    return null
  }

  return {
    add(key, part, chunk, admit) {
      try {
        return add(key, part, chunk, admit)
      } catch (error) {
        drop(key)
        throw error
      }
    },
    drop,
    clear() {
      for (const key of [...opened.keys()]) drop(key)
    },
    get open() {
      return opened.size
    },
    get openBytes() {
      return [...opened.values()].reduce((sum, { body }) => sum + body.values.byteLength, 0)
    },
  }
}
