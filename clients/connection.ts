import { io, type Socket } from 'socket.io-client'
import { type ErrorCode, FedError, toFedError } from '../src/core/errors.ts'
import { readAck, readErrorBody } from '../src/protocol/ack.ts'
import type { Log } from '../src/protocol/log.ts'
import {
  type ClientToServer,
  type Handshake,
  type RunEnd,
  type RunOpen,
  runEndSchema,
  runOpenSchema,
  type ServerToClient,
} from '../src/protocol/messages.ts'
import { parseMessage } from '../src/protocol/parse.ts'
import { untrusted } from './authority.ts'
import { type Backoff, JITTER, pause } from './backoff.ts'

export type ClientSocket = Socket<ServerToClient, ClientToServer>

/** What may pass by itself; every other refusal is final, and trying again would only be noise. */
const PASSING: readonly ErrorCode[] = ['rate_limited', 'internal']

/**
 * A run that was joined before may be about to be resumed by a coordinator that was restarted: so many refusals in a row
 * are waited out, about four minutes of the longest pauses.
 */
const MAX_ABSENCES = 30

export interface ConnectionEvents {
  /** The run was joined over a new connection; `signal` fires when that is lost. */
  joined(open: RunOpen, signal: AbortSignal): void
  ended(end: RunEnd): void
  /** The coordinator does not want this process, for good. */
  refused(error: FedError): void
}

export interface Connection {
  readonly socket: ClientSocket
  close(): void
}

export interface ConnectionOptions {
  readonly backoff: Backoff
  readonly log: Log
  /** Certificates to trust in place of the public authorities', PEM. */
  readonly ca?: Buffer | undefined
  readonly events: ConnectionEvents
}

/** Connects and joins, again after every loss with jittered backoff, until it is closed. */
export function connect(
  url: string,
  handshake: Handshake,
  { backoff, log, ca, events }: ConnectionOptions,
): Connection {
  const socket: ClientSocket = io(addressOf(url), {
    auth: handshake,
    ...(ca && { ca: ca.toString() }),
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: backoff.firstMs,
    reconnectionDelayMax: backoff.longestMs,
    randomizationFactor: JITTER,
  })
  const closing = new AbortController()
  let lost = new AbortController()
  let refusals = 0
  let joinedBefore = false

  /** Socket.IO comes back by itself after a broken connection, but not after a refusal or a disconnect by the server. */
  async function comeBack(): Promise<void> {
    await pause(backoff, ++refusals, closing.signal)
    if (!closing.signal.aborted) socket.connect()
  }

  socket.on('connect', () => {
    lost = new AbortController()
    const { signal } = lost
    // A callback, not a promise: the first task may arrive in the same turn as the ack.
    socket.emit('run:join', ack => {
      try {
        const open = parseMessage(runOpenSchema, readAck(ack))
        refusals = 0
        joinedBefore = true
        events.joined(open, signal)
      } catch (thrown) {
        refused(toFedError(thrown))
      }
    })
  })

  /** What may pass is waited out. */
  function refused(error: FedError): void {
    const isAbsent = error.code === 'run_not_active' && joinedBefore && refusals < MAX_ABSENCES
    if (!isAbsent && !PASSING.includes(error.code)) {
      events.refused(error)
      return
    }
    const why = isAbsent ? 'the run is not open; it may be resumed' : 'the coordinator is busy'
    log.info({ url, code: error.code }, `${why}; trying again`)
    socket.disconnect()
    void comeBack()
  }

  socket.on('connect_error', error => {
    const body = (error as { readonly data?: unknown }).data
    const stranger = untrusted((error as { readonly description?: { readonly error?: unknown } }).description?.error)
    if (stranger) return events.refused(stranger)
    if (body === undefined)
      return log.info({ url, reason: error.message }, 'cannot reach the coordinator; trying again')
    refused(readErrorBody(body))
  })
  socket.on('disconnect', reason => {
    lost.abort(new Error(reason))
    if (closing.signal.aborted || reason === 'io client disconnect') return
    log.warn({ url, reason }, 'lost the coordinator; trying again')
    if (reason === 'io server disconnect') void comeBack()
  })
  socket.on('run:end', body => {
    const end = runEndSchema.safeParse(body)
    if (end.success) events.ended(end.data)
  })
  socket.on('run:replaced', () =>
    events.refused(
      new FedError('run_conflict', {
        expected: `one process named ${handshake.process}`,
        received: 'a newer connection under this name',
        hint: 'Give each client process its own name',
      }),
    ),
  )

  return {
    socket,
    close() {
      closing.abort()
      socket.disconnect()
      lost.abort(new Error('closed'))
    },
  }
}

function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed && ['http:', 'https:', 'ws:', 'wss:'].includes(parsed.protocol)) return parsed.origin
  throw new FedError('input_invalid', { expected: 'an address like http://127.0.0.1:8080', received: url })
}
