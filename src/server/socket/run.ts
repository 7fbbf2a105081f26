import { type ErrorCode, errorBody, FedError, toFedError } from '../../core/errors.ts'
import { type LayerLayout, view } from '../../core/layout.ts'
import { type FloatPool, floatPool } from '../../core/params.ts'
import { bytesUnderWay, limitsFor } from '../../protocol/limits.ts'
import type { Log } from '../../protocol/log.ts'
import type { Ack, Inputs, Limits, RunEnd, RunOpen, Segment } from '../../protocol/messages.ts'
import { blockSegment, blockSegments, packSegments } from '../../protocol/segments.ts'
import type { Clock, GatewayEvents, ServerState, Task } from '../../rounds/ports.ts'
import { comeAtOnce, type Invitations } from './invitations.ts'
import { type JoinToken, type JoinTokens, joinTokens } from './join-tokens.ts'
import { createLedger, type Ledger } from './ledger.ts'
import type { Turns } from './turns.ts'

/** A run that client processes may join. */
export interface GatewayRun {
  readonly id: string
  readonly token: JoinToken
  readonly layout: LayerLayout
  /** Names of the blocks that some layer rule averages in some round. */
  readonly shared: readonly string[]
  /** What clients may be asked for beside blocks and optimizer memory. */
  readonly extras?: readonly Segment[] | undefined
  /** What all clients of the round after `server` are told beside the shared blocks, by segment name; nothing when left out. */
  readonly tell?: ((server: ServerState) => ReadonlyMap<string, Float32Array>) | undefined
  /** The validated run file, sent to each process that joins. */
  readonly runFile: object
  /** What the coordinator evaluates on, and built: a process with anything else gets no task. */
  readonly inputs: Inputs
  readonly events: GatewayEvents
  /** Derived from the layout when left out. */
  readonly limits?: Limits
  /** Clients keep their training loss to themselves; else an update without one is refused. */
  readonly secretLoss?: boolean
}

/** The sending side of one joined process: its tasks in order, each behind the global blocks of its round. */
export interface Session {
  readonly process: string
  /** Tasks that it takes in hand at a time. */
  readonly slots: number
  assign(task: Task): void
  withdraw(round: number, client: number): void
  /** Nothing follows it but the process's own disconnect. */
  end(body: RunEnd): void
  /** Cut by a newer connection of the same process. */
  replace(): void
  disconnect(): void
  /** Called when the socket is gone: forgets everything that was to be sent. */
  close(): void
}

/** One process at the other end of a connection, and how it is dealt with. */
export interface PeerOptions {
  readonly process: string
  readonly slots: number
  readonly clock: Clock
  readonly stallMs: number
  readonly log: Log
  readonly refused: RefusalObserver
  /** What goes out, of all connections together. */
  readonly turns: Turns
  /** What may come in next, of all connections together. */
  readonly invitations: Invitations
}

/** Hears of what is refused: a join, or anything that a process sends. */
export type RefusalObserver = (kind: 'join' | 'message', code: ErrorCode) => void

/** What the sessions of a run have in common. */
export interface OpenRun {
  readonly id: string
  readonly tokens: JoinTokens
  readonly layout: LayerLayout
  readonly extras: readonly Segment[]
  readonly limits: Limits
  readonly secretLoss: boolean
  readonly events: GatewayEvents
  readonly ledger: Ledger
  /** Memory of the updates' bodies, used again in every round. */
  readonly pool: FloatPool
  /** By process. */
  readonly sessions: Map<string, Session>
  /** Once the run has ended: what a process that joins too late, or again, is told. */
  farewell: RunEnd | null
  /** Everybody has been told of the end. */
  told: Promise<void>
  /** The reply to `run:join`. */
  readonly welcome: RunOpen
  /** The body of `round:global`: the shared blocks of the state's parameters, and what all are told besides. */
  globalBody(server: ServerState): GlobalBody
  /** Whether updates may come without an offer: a model for each task in hand is little enough. */
  comeAtOnce(): boolean
  countDown(round: number, bytes: number): void
  bytesDown(round: number): number
}

export function openRun(run: GatewayRun, { clock, log }: { readonly clock: Clock; readonly log: Log }): OpenRun {
  const { id, token, layout, extras = [], tell, secretLoss = false } = run
  const { limits = limitsFor(layout, extras) } = run
  const segments = blockSegments(layout, run.shared)
  const modelBytes = bytesUnderWay(layout.size * Float32Array.BYTES_PER_ELEMENT, limits)
  const sessions = new Map<string, Session>()
  const sent = new Map<number, number>()
  let packed: (GlobalBody & { readonly server: ServerState }) | null = null
  return {
    id,
    tokens: joinTokens(token, clock.now),
    layout,
    extras,
    limits,
    secretLoss,
    events: guarded(id, run.events, log),
    ledger: createLedger(),
    pool: floatPool(),
    sessions,
    farewell: null,
    told: Promise.resolve(),
    welcome: {
      run: id,
      runFile: run.runFile as RunOpen['runFile'],
      layout: layout.digest,
      inputs: run.inputs,
      shared: [...segments],
      limits,
    },
    globalBody(server) {
      if (packed?.server !== server) packed = { server, ...globalBody(layout, segments, server, tell?.(server)) }
      return packed
    },
    comeAtOnce: () => comeAtOnce(modelBytes, sessions.values()),
    countDown(round, bytes) {
      for (const old of sent.keys()) if (old < round - 1) sent.delete(old)
      sent.set(round, (sent.get(round) ?? 0) + bytes)
    },
    bytesDown: round => sent.get(round) ?? 0,
  }
}

/** The shared blocks, then what all are told besides; the segments of the latter. */
export interface GlobalBody {
  readonly body: Uint8Array
  readonly extras: readonly Segment[]
}

/** No copy when the shared blocks lie next to each other, as they do when all are averaged, and nothing follows. */
function globalBody(
  layout: LayerLayout,
  segments: readonly Segment[],
  { params }: ServerState,
  told: ReadonlyMap<string, Float32Array> = new Map(),
): GlobalBody {
  const wanted = new Set(segments.map(({ name }) => name))
  const blocks = layout.blocks.filter(block => wanted.has(blockSegment(block.name)))
  const views = new Map(blocks.map(block => [blockSegment(block.name), view(params, block)]))
  const shared = segments.map(({ name }) => [name, views.get(name)!] as const)
  const { segments: all, body } = packSegments(new Map([...shared, ...told]))
  return { body, extras: all.slice(segments.length) }
}

/** A fault in the run must not end a connection, let alone the process: it becomes an answer or a line in the log. */
function guarded(run: string, events: GatewayEvents, log: Log): GatewayEvents {
  const tell = (event: string, call: () => void) => {
    try {
      call()
    } catch (error) {
      log.warn({ err: error, run, event }, 'the run could not take an event')
    }
  }
  return {
    joined: (process, slots) => tell('joined', () => events.joined(process, slots)),
    left: process => tell('left', () => events.left(process)),
    refused: (key, process, error) => tell('refused', () => events.refused(key, process, error)),
    delivered: key => tell('delivered', () => events.delivered(key)),
    admit: key => events.admit(key),
    update: async (key, update) => await events.update(key, update),
  }
}

/** An answer that refuses, with the round that the coordinator is in. What is no FedError is `internal`, and logged. */
export function refusal(
  thrown: unknown,
  round: number,
  { log, refused }: Pick<PeerOptions, 'log' | 'refused'>,
): Extract<Ack<never>, { ok: false }> {
  if (!(thrown instanceof FedError)) log.warn({ err: thrown }, 'a message could not be handled')
  const error = thrown instanceof FedError ? thrown : new FedError('internal')
  refused('message', error.code)
  return { ok: false, error: errorBody(toFedError(error)), ...(round > 0 && { round }) }
}
