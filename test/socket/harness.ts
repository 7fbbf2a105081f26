import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import type { FedError } from '../../src/core/errors.ts'
import { PROTOCOL_VERSION, type RunOpen } from '../../src/protocol/messages.ts'
import { sendParts } from '../../src/protocol/transfer.ts'
import { createWindow } from '../../src/protocol/window.ts'
import type {
  GatewayEvents,
  ReceivedUpdate,
  ServerState,
  Task,
  UpdateDecision,
  UpdateKey,
} from '../../src/rounds/ports.ts'
import { type GatewayOptions, socketGateway } from '../../src/server/socket/gateway.ts'
import type { GatewayRun } from '../../src/server/socket/run.ts'
import { socketServerOptions } from '../../src/server/socket/server-options.ts'
import { counting, small } from '../protocol/layouts.ts'
import { manualClock } from '../protocol/manual-clock.ts'

export const TOKEN = 'join-token'
export const RUN = 'run-1'
/** What the harness's run is about. */
export const INPUTS = { data: 'da'.repeat(32), model: null }

/** One thing that the gateway told the run. */
export type Told =
  | { readonly type: 'joined'; readonly process: string; readonly slots: number }
  | { readonly type: 'left'; readonly process: string }
  | { readonly type: 'update'; readonly key: UpdateKey; readonly update: ReceivedUpdate }
  | { readonly type: 'refused'; readonly key: UpdateKey; readonly process: string; readonly error: FedError }
  | { readonly type: 'delivered'; readonly key: UpdateKey }

/** A run whose decisions the test writes, and which remembers what it was told. */
export function scriptedRun() {
  const told: Told[] = []
  const bell = new EventEmitter()
  bell.setMaxListeners(0)
  const tell = (event: Told) => {
    told.push(event)
    bell.emit('told')
  }
  const script = {
    told,
    admit: (_key: UpdateKey): FedError | null => null,
    decide: async ({ round }: UpdateKey, _update: ReceivedUpdate): Promise<UpdateDecision> => ({
      ok: true,
      duplicate: false,
      round,
    }),
    of: <T extends Told['type']>(type: T) =>
      told.filter((event): event is Extract<Told, { type: T }> => event.type === type),
    /** Resolves with the `count`-th event of the type. */
    async until<T extends Told['type']>(type: T, count = 1): Promise<Extract<Told, { type: T }>> {
      while (script.of(type).length < count) await once(bell, 'told')
      return script.of(type)[count - 1]!
    },
  }
  const events: GatewayEvents = {
    joined: (process, slots) => tell({ type: 'joined', process, slots }),
    left: process => tell({ type: 'left', process }),
    update: async (key, update) => {
      tell({ type: 'update', key, update })
      return await script.decide(key, update)
    },
    refused: (key, process, error) => tell({ type: 'refused', key, process, error }),
    admit: key => script.admit(key),
    delivered: key => tell({ type: 'delivered', key }),
  }
  return { ...script, script, events }
}

/** A real Socket.IO server on a free port of the loopback, with one open run. */
export async function startGateway(run: Partial<GatewayRun> = {}, port = 0, options: Partial<GatewayOptions> = {}) {
  const http = createServer()
  const server = new Server(http, socketServerOptions())
  http.listen(port, '127.0.0.1')
  await once(http, 'listening')
  const clock = manualClock()
  const gateway = socketGateway(server, { clock, stallMs: 1000, joinMs: 500, ...options })
  const scripted = scriptedRun()
  const layout = run.layout ?? small
  const opened: GatewayRun = {
    id: RUN,
    token: { hash: hashOf(TOKEN) },
    layout,
    shared: layout.blocks.map(block => block.name),
    runFile: { name: 'a run', seed: 1 },
    inputs: INPUTS,
    events: scripted.events,
    ...run,
  }
  const clients = gateway.open(opened)
  const sockets: Socket[] = []
  const initial: ServerState = { round: 0, params: counting(layout.size), strategy: null, clients: new Map() }
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    ...scripted,
    server,
    gateway,
    clients,
    clock,
    layout,
    run: opened,
    /** A plain Socket.IO client, joined under that name. */
    async join(process: string, auth: object = {}) {
      const socket = connectRaw(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, { process, ...auth })
      sockets.push(socket)
      const ack = await joinRaw(socket)
      return { socket, open: ack.data as RunOpen }
    },
    task: (client: number, task: Partial<Task> = {}): Task => ({
      round: 1,
      attempt: 1,
      client,
      server: initial,
      own: new Map(),
      initialise: [],
      fetches: 0,
      numExamples: 10,
      reply: layout.blocks.map(block => block.name),
      ...task,
    }),
    async stop() {
      for (const socket of sockets) socket.disconnect()
      await server.close()
    },
  }
}

export type Harness = Awaited<ReturnType<typeof startGateway>>

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

export function connectRaw(url: string, auth: object): Socket {
  return io(url, {
    auth: { protocol: PROTOCOL_VERSION, run: RUN, token: TOKEN, process: 'p1', slots: 1, ...auth },
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
  })
}

/** Joins, and shows the very inputs that the coordinator has; what the join was answered. */
// biome-ignore lint/suspicious/noExplicitAny: what came over the wire, to be looked at field by field
export async function joinRaw(socket: Socket): Promise<any> {
  const ack = await socket.emitWithAck('run:join')
  if (ack.ok) await socket.emitWithAck('run:inputs', { run: ack.data.run, ...ack.data.inputs })
  return ack
}

/** The arguments of the next event of that name. */
// biome-ignore lint/suspicious/noExplicitAny: what came over the wire, to be looked at field by field
export function heard(socket: Socket, event: string): Promise<any[]> {
  return new Promise(resolve => socket.once(event, (...args) => resolve(args)))
}

/** Acknowledges all that the coordinator sends, and remembers it. */
export function accepting(socket: Socket) {
  const globals: { readonly header: Header; readonly chunk: Buffer }[] = []
  const tasks: { readonly header: Header; readonly chunk: Buffer }[] = []
  const order: string[] = []
  socket.on('round:global', (header, chunk, answer) => {
    globals.push({ header, chunk })
    order.push(`global ${header.round}`)
    answer({ ok: true, data: null })
  })
  socket.on('round:task', (header, chunk, answer) => {
    tasks.push({ header, chunk })
    order.push(`task ${header.round}/${header.client}`)
    answer({ ok: true, data: null })
  })
  return { globals, tasks, order }
}

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire, to be looked at field by field
type Header = any

/** The header of a good update of the whole `layout`, changed as the test likes. */
export function headerOf(layout: GatewayRun['layout'], change: object = {}) {
  return {
    run: RUN,
    round: 1,
    attempt: 1,
    client: 0,
    layout: layout.digest,
    segments: layout.blocks.map(({ name, size }) => ({ name: `block/${name}`, size })),
    numExamples: 10,
    metrics: { trainLoss: 0.5, steps: 3, trainMs: 12 },
    part: { offset: 0, total: layout.size * 4 },
    ...change,
  }
}

/** Sends a whole update in parts, as a well-behaved client does. */
export function sendUpdate(
  socket: Socket,
  header: object,
  values: Float32Array,
  chunkBytes = 1 << 20,
): Promise<unknown> {
  return sendParts(
    (part, chunk) => socket.emitWithAck('round:update', part, chunk),
    header,
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    { chunkBytes, window: createWindow(4), signal: new AbortController().signal },
  ).acked
}
