import { setImmediate } from 'node:timers/promises'
import type { Socket } from 'socket.io'
import { FedError } from '../../core/errors.ts'
import type { Answer, ClientToServer, ServerToClient } from '../../protocol/messages.ts'
import { packSegments } from '../../protocol/segments.ts'
import { type Emit, sendParts } from '../../protocol/transfer.ts'
import { createWindow } from '../../protocol/window.ts'
import type { Task } from '../../rounds/ports.ts'
import { keyOf } from './header.ts'
import type { OpenRun, PeerOptions, Session } from './run.ts'

export type GatewaySocket = Socket<ClientToServer, ServerToClient>

interface Outgoing {
  readonly task: Task
  readonly withdrawn: AbortController
}

/**
 * A process that reads slowly delays only itself: its tasks wait here as references, and at most a window of chunks is
 * on its way. One that acknowledges nothing for `stallMs` is disconnected, so that its tasks can go to others.
 */
export function createSession(
  socket: GatewaySocket,
  run: OpenRun,
  { process, slots, clock, stallMs, log, turns }: PeerOptions,
): Session {
  const { id, layout, limits, events } = run
  const window = createWindow(limits.window)
  const closed = new AbortController()
  const waiting: Outgoing[] = []
  /** Tasks of the present round that have been sent, or are being sent. */
  const begun = new Map<string, Outgoing>()
  let pumping = false
  let globalRound = 0
  let unanswered = 0
  let watchdog: { cancel(): void } | null = null

  function rearm(): void {
    watchdog?.cancel()
    watchdog =
      unanswered > 0 && !closed.signal.aborted ? clock.after(stallMs, () => cut('it acknowledges nothing')) : null
  }

  function cut(reason: string): void {
    log.warn({ run: id, process, reason }, 'disconnecting a client process')
    socket.disconnect(true)
  }

  function emit<H extends { readonly round: number }>(event: 'round:global' | 'round:task'): Emit<H> {
    return (header, chunk) =>
      new Promise(resolve => {
        if (unanswered++ === 0) rearm()
        run.countDown(header.round, chunk.byteLength)
        const answer: Answer<null> = ack => {
          unanswered--
          rearm()
          resolve(ack)
        }
        // An empty body costs a frame of its own, and most tasks have one.
        socket.emit(event, header as never, chunk.byteLength > 0 ? chunk : null, answer)
      })
  }

  async function pump(): Promise<void> {
    if (pumping) return
    pumping = true
    // A task may come in answer to an update: its process hears first that this was counted, and lets go of it.
    await setImmediate()
    // Everybody is given a task in the same moment: what a task costs is shared out too.
    while (waiting.length > 0) {
      await turns.take(0)
      const next = waiting.shift() // unless all were taken back meanwhile
      // A withdrawn task or a lost connection; the latter has emptied the queue.
      if (next) await send(next).catch(() => {})
    }
    pumping = false
  }

  async function send(outgoing: Outgoing): Promise<void> {
    const { task, withdrawn } = outgoing
    const { round, server } = task
    const common = { run: id, round, layout: layout.digest }
    const options = { chunkBytes: limits.chunkBytes, window, pace: turns.take }
    const isFirst = globalRound !== round
    if (isFirst) begun.clear()
    begun.set(nameOf(task), outgoing)
    if (isFirst) {
      globalRound = round
      const { body, extras } = run.globalBody(server)
      const header = { ...common, ...(extras.length > 0 && { extras: [...extras] }) }
      const sending = sendParts<typeof header, null>(emit('round:global'), header, body, {
        ...options,
        signal: closed.signal,
      })
      sending.acked.catch(error => error instanceof FedError && cut(error.message))
      await sending.emitted
    }
    if (withdrawn.signal.aborted) return
    const { segments, body } = packSegments(task.own)
    const { initialise, reply, numExamples, extras } = task
    const header = {
      ...{ ...common, ...keyOf(task), segments, initialise, reply, numExamples, ...(extras && { extras }) },
      ...(run.comeAtOnce() && { atOnce: true }),
    }
    const sending = sendParts<typeof header, null>(emit('round:task'), header, body, {
      ...options,
      signal: withdrawn.signal,
    })
    sending.acked.then(
      () => events.delivered(keyOf(task)),
      // The process cannot take the task: as final as if it had tried.
      error => error instanceof FedError && events.refused(keyOf(task), process, error),
    )
    await sending.emitted
  }

  function forget(outgoing: Outgoing): void {
    outgoing.withdrawn.abort(new Error('withdrawn'))
  }

  return {
    process,
    slots,
    assign(task) {
      // What waits from earlier rounds is of no use any more, and holds on to their parameters.
      for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i]!.task.round < task.round) waiting.splice(i, 1)
      waiting.push({ task, withdrawn: new AbortController() })
      void pump()
    },
    withdraw(round, client) {
      const index = waiting.findIndex(({ task }) => task.round === round && task.client === client)
      if (index >= 0) waiting.splice(index, 1).forEach(forget)
      const name = nameOf({ round, client })
      const sent = begun.get(name)
      if (!sent) return
      begun.delete(name)
      forget(sent)
      socket.emit('round:withdraw', { run: id, round, client })
    },
    end(body) {
      waiting.splice(0).forEach(forget)
      socket.emit('run:end', body)
    },
    replace() {
      socket.emit('run:replaced', { run: id })
      socket.disconnect(true)
    },
    disconnect: () => void socket.disconnect(true),
    close() {
      closed.abort(new Error('disconnected'))
      rearm()
      for (const outgoing of [...waiting.splice(0), ...begun.values()]) forget(outgoing)
      begun.clear()
    },
  }
}

function nameOf({ round, client }: { readonly round: number; readonly client: number }): string {
  return `${round}/${client}`
}
