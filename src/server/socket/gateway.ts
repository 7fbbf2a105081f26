import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'socket.io'
import { type ErrorCode, errorBody, FedError, toFedError } from '../../core/errors.ts'
import { rateLimit } from '../../core/rate-limit.ts'
import { nameText } from '../../core/text-values.ts'
import { type Log, silent } from '../../protocol/log.ts'
import {
  type ClientToServer,
  type Handshake,
  inputsHeaderSchema,
  type RunEnd,
  type ServerToClient,
} from '../../protocol/messages.ts'
import { parseMessage } from '../../protocol/parse.ts'
import type { ClientGateway, Clock } from '../../rounds/ports.ts'
import { createFarewells, type Farewell } from './farewells.ts'
import { readHandshake } from './handshake.ts'
import { requireRun } from './header.ts'
import { requireInputs } from './inputs.ts'
import { createInvitations } from './invitations.ts'
import type { JoinToken } from './join-tokens.ts'
import { type GatewayRun, type OpenRun, openRun, type RefusalObserver, refusal, type Session } from './run.ts'
import { PEER_TIMEOUT_MS } from './server-options.ts'
import { createSession, type GatewaySocket } from './session.ts'
import { createTurns } from './turns.ts'
import { createUploads } from './uploads.ts'

export interface GatewayOptions {
  readonly clock: Clock
  readonly log?: Log
  /** A process that acknowledges nothing, or an upload that gains less than a chunk, for this long is dropped. */
  readonly stallMs?: number
  /** A connection that does not join within this time is cut; a third of `stallMs` when left out. */
  readonly joinMs?: number
  /** Missing and wrong tokens of one address, after which it has to wait with any token; 0 or absent: any number. */
  readonly wrongTokensPerMinute?: number | undefined
  /** Who asks; the address of the connection when left out, which may be a proxy's. */
  readonly addressOf?: (request: IncomingMessage) => string
  /** Hears of every refusal, to count it. */
  readonly refused?: RefusalObserver
  /** Client processes of one run. */
  readonly maxProcesses?: number
}

/** Socket.IO on one side, the ports of the round engine on the other. It decides nothing about rounds. */
export interface SocketGateway {
  /** Lets processes join; what the run sends goes to those that have. Throws `run_conflict` for a run that is open. */
  open(run: GatewayRun): ClientGateway
  /**
   * From now on only `token` opens the run. Processes that have joined stay, unless `drop` says otherwise: then they are
   * disconnected, and come back with the new token only. Throws `run_not_active` for a run that is not open.
   */
  renewToken(run: string, token: JoinToken, options: { readonly drop: boolean }): void
  /**
   * Forgets a run: processes that come later are told how it ended, for some minutes, and refused with `run_not_active` after that,
   * or if it was not ended. Resolves when those that had joined have
   * been told how it ended, and are disconnected.
   */
  close(run: string): Promise<void>
}

/**
 * Nothing that a client sends can throw out of a handler, end the process, or take memory beyond the limits: handshakes
 * and headers are checked by schema, bodies by the layout, each is refused with a typed error, and every request is
 * answered after its decision. `io` must have been made with `socketServerOptions`.
 */
export function socketGateway(
  io: Server<ClientToServer, ServerToClient>,
  { clock, log = silent, stallMs = PEER_TIMEOUT_MS, ...options }: GatewayOptions,
): SocketGateway {
  const { joinMs = stallMs / 3, maxProcesses = 4096, wrongTokensPerMinute, addressOf, refused = () => {} } = options
  const runs = new Map<string, OpenRun>()
  const farewells = createFarewells(clock.now)
  const sending = createTurns()
  const invitations = createInvitations(clock)
  const arriving = createTurns()
  const guesses = wrongTokensPerMinute ? rateLimit(wrongTokensPerMinute, clock.now) : null

  io.use((socket, next) => {
    const address = addressOf?.(socket.request) ?? socket.handshake.address
    try {
      if (guesses && guesses.waitOf(address) > 0)
        throw new FedError('rate_limited', { expected: `at most ${wrongTokensPerMinute} wrong tokens a minute` })
      const handshake = readHandshake(socket.handshake.auth, run => (runs.get(run) ?? farewells.of(run))?.tokens)
      const sessions = runs.get(handshake.run)?.sessions
      if (sessions && sessions.size >= maxProcesses && !sessions.has(handshake.process))
        throw new FedError('rate_limited', { expected: `at most ${maxProcesses} client processes in a run` })
      ;(socket.data as { handshake?: Handshake }).handshake = handshake
      next()
    } catch (thrown) {
      const error = toFedError(thrown)
      if (GUESSES.has(error.code)) guesses?.take(address)
      refused('join', error.code)
      log.warn(refusedJoin(socket.handshake.auth, address, error), 'refused a client process')
      next(Object.assign(new Error(error.message), { data: errorBody(error) }))
    }
  })

  io.on('connection', socket => {
    const { handshake } = socket.data as { handshake: Handshake }
    const run = runs.get(handshake.run)
    const farewell = farewells.of(handshake.run)
    if (run) attach(socket, run, handshake)
    else if (farewell) dismiss(socket, farewell)
    else socket.disconnect(true) // closed between the handshake and now
  })

  /** Its run is over: all that it may do is to hear how that ended. */
  function dismiss(socket: GatewaySocket, farewell: Farewell): void {
    const late = clock.after(joinMs, () => socket.disconnect(true))
    onRequest(socket, 'run:join', (_, answer) => tellEnd(socket, farewell, answer))
    onEnd(socket, () => late.cancel())
  }

  function attach(socket: GatewaySocket, run: OpenRun, { process, slots, token }: Handshake): void {
    const peer = { process, slots, clock, stallMs, log, refused, turns: sending, invitations }
    const session = createSession(socket, run, peer)
    const uploads = createUploads(run, peer)
    const late = clock.after(joinMs, () => socket.disconnect(true))
    let hasInputs = false

    function join(): void {
      late.cancel()
      const current = run.sessions.get(process)
      if (current === session) return
      run.sessions.set(process, session)
      if (current) {
        current.replace()
        run.events.left(process) // whoever comes under its name has to show what it has, like anybody else
      }
      log.info({ run: run.id, process, slots, replaced: current !== undefined }, 'client process joined')
      if (run.farewell) session.end(run.farewell)
    }

    /** From here on there are tasks for it. */
    function prepared(raw: unknown): void {
      const header = parseMessage(inputsHeaderSchema, raw)
      requireRun(header, run.id)
      try {
        requireInputs(run.welcome.inputs, header)
      } catch (thrown) {
        const { code, message } = toFedError(thrown)
        log.warn({ audit: 'inputs', run: run.id, process, code }, message)
        throw thrown
      }
      if (hasInputs) return
      hasInputs = true
      run.events.joined(process, slots)
    }

    function requireJoined(): void {
      if (run.sessions.get(process) !== session)
        throw new FedError('message_invalid', { expected: 'run:join before anything else' })
    }

    onRequest(socket, 'run:join', (_, answer) => {
      if (runs.get(run.id) !== run) {
        const farewell = farewells.of(run.id)
        if (farewell) return tellEnd(socket, farewell, answer)
        throw new FedError('run_not_active', { received: `run ${run.id}` })
      }
      // Between the handshake and now its token may have been revoked.
      if (run.sessions.get(process) !== session) run.tokens.require(token)
      answer({ ok: true, data: run.welcome })
      join()
    })
    onRequest(socket, 'run:inputs', ([header], answer) => {
      requireJoined()
      prepared(header)
      answer({ ok: true, data: null })
    })
    onRequest(socket, 'round:offer', async ([header], answer) => {
      requireJoined()
      answer(await uploads.offer(header))
    })
    onRequest(socket, 'round:update', async ([header, chunk], answer) => {
      await arriving.take(chunk instanceof Uint8Array ? chunk.byteLength : 0)
      requireJoined()
      answer(await uploads.update(header, chunk))
    })
    onRequest(socket, 'round:refuse', ([header], answer) => {
      requireJoined()
      answer(uploads.refuse(header))
    })
    onEnd(socket, reason => {
      late.cancel()
      session.close()
      uploads.close()
      if (run.sessions.get(process) !== session) return
      run.sessions.delete(process)
      log.info({ run: run.id, process, reason }, 'client process left')
      run.events.left(process)
    })
  }

  function onEnd(socket: GatewaySocket, end: (reason: string) => void): void {
    // Node ends a process on an unheard "error", and any client can send an event of that name.
    socket.on('error' as never, () => {})
    socket.on('disconnect', end)
  }

  /** A request is any number of arguments and a function to answer with; without that there is nobody to tell. */
  function onRequest(
    socket: GatewaySocket,
    event: keyof ClientToServer,
    handle: (args: readonly unknown[], answer: (ack: unknown) => void) => void | Promise<void>,
  ): void {
    const listener = async (...args: unknown[]): Promise<void> => {
      const answer = args.pop()
      if (typeof answer !== 'function') return
      try {
        await handle(args, ack => answer(ack))
      } catch (thrown) {
        answer(refusal(thrown, 0, { log, refused }))
      }
    }
    socket.on(event, listener as never)
  }

  /** A thousand connections at once, to tell them something or to end them, would hold up everybody else. */
  async function oneByOne(run: OpenRun, act: (session: Session) => void): Promise<void> {
    for (const session of [...run.sessions.values()]) {
      await sending.take(0)
      act(session)
    }
  }

  return {
    open(given) {
      if (runs.has(given.id)) throw new FedError('run_conflict', { received: `run ${given.id}, which is open already` })
      const run = openRun(given, { clock, log })
      farewells.forget(run.id)
      runs.set(run.id, run)
      return {
        assign(process, task) {
          run.ledger.give(process, task)
          run.sessions.get(process)?.assign(task)
        },
        withdraw: (process, { round, client }) => run.sessions.get(process)?.withdraw(round, client),
        end(outcome, message) {
          const farewell: RunEnd = { run: run.id, outcome, ...(message !== undefined && { message }) }
          run.farewell = farewell
          run.told = oneByOne(run, session => session.end(farewell))
        },
        bytesDown: run.bytesDown,
      }
    },
    renewToken(id, token, { drop }) {
      const run = runs.get(id)
      if (!run) throw new FedError('run_not_active', { received: `run ${id}` })
      run.tokens.renew(token)
      if (drop) void oneByOne(run, session => session.disconnect())
    },
    async close(id) {
      const run = runs.get(id)
      runs.delete(id)
      if (run?.farewell) farewells.keep({ tokens: run.tokens, welcome: run.welcome, end: run.farewell })
      await run?.told
      if (run) await oneByOne(run, session => session.disconnect())
    },
  }
}

function tellEnd(socket: GatewaySocket, { welcome, end }: Farewell, answer: (ack: unknown) => void): void {
  answer({ ok: true, data: welcome })
  socket.emit('run:end', end)
}

const GUESSES: ReadonlySet<ErrorCode> = new Set(['token_missing', 'token_invalid'])

/** The line of the audit: why, from where, and which run was asked for; the token, right or wrong, is in no line. */
function refusedJoin(auth: Socket['handshake']['auth'], address: string, { code }: FedError): object {
  const { run } = auth as { readonly run?: unknown }
  const known = nameText(64).safeParse(run)
  return { audit: 'join', code, address, ...(known.success && { run: known.data }) }
}
