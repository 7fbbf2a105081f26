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
import { addressOf } from './address.ts'
import { type Backoff, JITTER, pause } from './backoff.ts'
import { whyUnreachable } from './unreachable.ts'

export type ClientSocket = Socket<ServerToClient, ClientToServer>

/** What may pass by itself; every other refusal is final, and trying again would only be noise. */
const PASSING: readonly ErrorCode[] = ['rate_limited', 'internal']

/**
 * A run that was joined before may be about to be resumed by a coordinator that was restarted, and meanwhile a proxy may
 * answer in its place: so many refusals in a row are waited out, about four minutes of the longest pauses.
 */
const MAX_ABSENCES = 30
const ABSENT: Partial<Record<ErrorCode, string>> = {
  run_not_active: 'the run is not open; it may be resumed',
  coordinator_not_found: 'something else answers in its place',
}

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
  const { origin, prefix } = addressOf(url)
  const path = `${prefix}/socket.io/`
  const socket: ClientSocket = io(origin, {
    path,
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
  /** The run has ended, or does not want this process: nothing is left to come back for. */
  let over = false

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

  function endWith(error: FedError): void {
    over = true
    events.refused(error)
  }

  /** What may pass is waited out. */
  function refused(error: FedError): void {
    const absent = joinedBefore && refusals < MAX_ABSENCES ? ABSENT[error.code] : undefined
    if (absent === undefined && !PASSING.includes(error.code)) {
      endWith(error)
      return
    }
    log.info({ url, code: error.code }, `${absent ?? 'the coordinator is busy'}; trying again`)
    socket.disconnect()
    void comeBack()
  }

  socket.on('connect_error', error => {
    const { data, description } = error as {
      readonly data?: unknown
      readonly description?: { readonly error?: unknown }
    }
    if (data !== undefined) return refused(readErrorBody(data))
    const reason = whyUnreachable(`${origin}${path}`, description?.error ?? error)
    if (reason instanceof FedError) return refused(reason)
    log.info({ url, reason }, 'cannot reach the coordinator; trying again')
  })
  socket.on('disconnect', reason => {
    lost.abort(new Error(reason))
    if (over || closing.signal.aborted || reason === 'io client disconnect') return
    log.warn({ url, reason }, 'lost the coordinator; trying again')
    if (reason === 'io server disconnect') void comeBack()
  })
  socket.on('run:end', body => {
    const end = runEndSchema.safeParse(body)
    if (!end.success) return
    over = true
    events.ended(end.data)
  })
  socket.on('run:replaced', () =>
    endWith(
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
