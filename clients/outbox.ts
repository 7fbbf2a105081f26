import { FedError } from '../src/core/errors.ts'
import { readAck } from '../src/protocol/ack.ts'
import { OFFER_BYTES } from '../src/protocol/limits.ts'
import type { Log } from '../src/protocol/log.ts'
import type { OfferHeader, RefusalHeader, RunOpen, UpdateHeader, UpdateReply } from '../src/protocol/messages.ts'
import { packSegments } from '../src/protocol/segments.ts'
import { type Emit, sendParts } from '../src/protocol/transfer.ts'
import { createWindow, type Window } from '../src/protocol/window.ts'
import type { UpdateKey } from '../src/rounds/ports.ts'
import type { TaskName } from './tasks.ts'
import type { LocalResult } from './trainer.ts'

/** What became of a task. */
export type Outcome = (LocalResult & { readonly trainMs: number }) | FedError

/** A task, as far as its answer goes. */
export interface Given extends UpdateKey {
  /** The update need not be offered. */
  readonly atOnce?: boolean | undefined
}

type WholeHeader = Omit<UpdateHeader, 'part'>

/** A connection over which the run was joined. */
export interface Link {
  readonly open: RunOpen
  /** Resolves when the coordinator has time for the update. */
  readonly offer: (header: OfferHeader) => Promise<unknown>
  readonly update: Emit<WholeHeader>
  readonly refuse: (header: RefusalHeader) => Promise<unknown>
  /** Of the messages with a body on this connection. */
  readonly window: Window
  /** Fires when the connection is lost. */
  readonly signal: AbortSignal
}

/** Keeps each outcome until the coordinator has decided about it, over as many connections as that takes. */
export interface Outbox {
  add(task: Given, outcome: Outcome): void
  /** Whether the outcome of this task is here; then it is sent again, in answer to this attempt. */
  again(task: Given): boolean
  remove(name: TaskName): void
  /** Sends everything that is not decided. The link before is gone. */
  connect(link: Link): void
  readonly size: number
  /** Nothing is kept, and nothing of what was kept is still being sent. */
  readonly isIdle: boolean
}

export interface OutboxOptions {
  readonly log: Log
  /** Waits before an update is sent again that the coordinator was too busy for. */
  readonly pause: (attempt: number, signal: AbortSignal) => Promise<void>
}

interface Entry {
  key: UpdateKey
  atOnce: boolean
  /** How often its task was given. */
  asked: number
  readonly outcome: Outcome
  sending: Link | null
  /** Deliveries that have begun: more than one where a connection was lost meanwhile. */
  senders: number
}

/** Sent at a time: below what the coordinator lets one process have under way. */
const CONCURRENCY = 3

export function createOutbox({ log, pause }: OutboxOptions): Outbox {
  const entries = new Map<string, Entry>()
  let link: Link | null = null
  let turns: Window = createWindow(CONCURRENCY)
  let deliveries = 0

  /** Settles when the coordinator has decided; throws when the connection was lost before. */
  async function deliver(
    { key, outcome, atOnce }: Entry,
    { open, offer, update, refuse, window, signal }: Link,
  ): Promise<void> {
    const header = { run: open.run, ...key }
    if (outcome instanceof FedError) {
      readAck(await refuse({ ...header, code: outcome.code, message: reason(outcome) }))
      return
    }
    const { numExamples, trainLoss, steps, trainMs } = outcome
    const { segments, body } = packSegments(outcome.segments)
    const metrics = { trainLoss, steps, trainMs }
    if (body.byteLength > OFFER_BYTES && !atOnce) readAck(await offer({ ...header, bytes: body.byteLength }))
    const { acked } = sendParts<WholeHeader, UpdateReply>(
      update,
      { ...header, layout: open.layout, segments: [...segments], numExamples, metrics },
      body,
      { chunkBytes: open.limits.chunkBytes, window, signal },
    )
    const { status } = await acked
    log.debug({ ...key, status }, 'update sent')
  }

  function drop(name: string): void {
    const entry = entries.get(name)
    entries.delete(name)
    if (entry) release(entry)
  }

  /** Not while something of it may still be sent, if only to be refused. */
  function release({ outcome, senders }: Entry): void {
    if (senders === 0 && !(outcome instanceof FedError)) outcome.release?.()
  }

  async function send(name: string, entry: Entry, over: Link): Promise<void> {
    if (entry.sending === over) return
    entry.sending = over
    const mine = turns
    await mine.take()
    const isCurrent = () => over === link && !over.signal.aborted && entries.get(name) === entry
    // Dropped meanwhile, it is released already, and its memory another's.
    if (!isCurrent()) {
      mine.give()
      return
    }
    entry.senders++
    deliveries++
    try {
      for (let attempt = 1; isCurrent(); attempt++) {
        const { key: sent, asked } = entry
        try {
          await deliver(entry, over)
        } catch (error) {
          if (!(error instanceof FedError)) return // the connection: the next one sends it again
          if (error.code === 'rate_limited') {
            await pause(attempt, over.signal)
            continue
          }
          log.warn({ ...sent, code: error.code }, `the coordinator refused an update: ${error.message}`)
        }
        // A decision about what came before the task was given says nothing about the task.
        if (entries.get(name) === entry && entry.asked === asked) drop(name)
      }
    } finally {
      mine.give()
      entry.senders--
      deliveries--
      if (entries.get(name) !== entry) release(entry)
    }
  }

  return {
    add({ atOnce = false, ...key }, outcome) {
      const sent = link ? sendable(outcome, link.open) : outcome
      const entry: Entry = { key, atOnce, asked: 1, outcome: sent, sending: null, senders: 0 }
      entries.set(nameOf(key), entry)
      if (link) void send(nameOf(key), entry, link)
    },
    again({ atOnce = false, ...key }) {
      const entry = entries.get(nameOf(key))
      if (!entry) return false
      entry.key = key
      entry.atOnce = atOnce
      entry.asked++
      if (link) void send(nameOf(key), entry, link)
      return true
    },
    remove(name) {
      drop(nameOf(name))
    },
    connect(next) {
      link = next
      turns = createWindow(CONCURRENCY)
      for (const [name, entry] of entries) void send(name, entry, next)
    },
    get size() {
      return entries.size
    },
    get isIdle() {
      return entries.size === 0 && deliveries === 0
    },
  }
}

/** Above the limit the connection would be cut without a word, again and again: the coordinator is told instead. */
function sendable(outcome: Outcome, { limits }: RunOpen): Outcome {
  if (outcome instanceof FedError) return outcome
  const bytes = [...outcome.segments.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  if (bytes <= limits.maxUpdateBytes) return outcome
  return new FedError('message_too_large', {
    expected: `an update of at most ${limits.maxUpdateBytes} bytes`,
    received: `${bytes} bytes`,
  })
}

/** The code travels beside it, so only what the code does not say. */
function reason({ message, detail: { expected, received, hint } }: FedError): string {
  const contrast = expected
    ? [`expected ${expected}`, received && `got ${received}`].filter(Boolean).join(', ')
    : received
  const parts = [contrast, hint].filter(Boolean)
  return (parts.length > 0 ? parts.join('. ') : message).slice(0, 2000)
}

function nameOf({ round, client }: TaskName): string {
  return `${round}/${client}`
}
