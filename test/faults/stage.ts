import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import type { Socket } from 'socket.io-client'
import type { RoundRecord, RunRecord, UpdateRecord } from '../../src/core/records.ts'
import { decodeTensors } from '../../src/core/safetensors.ts'
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../../src/main/coordinator.ts'
import type { Ack, RunOpen, TaskHeader, UpdateHeader, UpdateReply } from '../../src/protocol/messages.ts'
import type { RunNotice } from '../../src/rounds/ports.ts'
import { connectRaw, heard, sendUpdate } from '../socket/harness.ts'

/**
 * The real coordinator (REST, Socket.IO, compute worker, SQLite) on a free port of the loopback, and hand-driven client
 * processes on real sockets, which can do right and wrong at any moment.
 */

/** 4 clients of 15 examples each, 15 parameters (fc1: 4·3 + 3), two rounds in which all take part. */
export const QUICK = {
  name: 'quick',
  seed: 5,
  rounds: 2,
  model: { name: 'linear', hidden: [] },
  data: { name: 'synthetic', dimension: 4, classes: 3, train: 60, test: 12 },
  clients: { total: 4 },
  evaluate: { every: 1, clients: false },
  barriers: { every: 0 },
  round: { retries: 0 },
}

/** A task as it arrived, with the round's global blocks. */
export interface GivenTask extends Pick<TaskHeader, 'round' | 'attempt' | 'client'> {
  readonly global: Float32Array
}

/** Takes part of an update's header in place of the good one; `values` in place of the good body. */
export type Change = Partial<Record<keyof UpdateHeader, unknown>> & { readonly values?: Float32Array }

export type UpdateAck = Ack<UpdateReply>

/** A client process whose every move the test makes. Takes what it is sent, and keeps it. */
export interface Player {
  readonly socket: Socket
  readonly open: RunOpen
  readonly tasks: readonly GivenTask[]
  /** The task of that client and round (and attempt); waits until it comes. */
  task(client: number, round?: number, attempt?: number): Promise<GivenTask>
  /** The header of a good update for the task, changed. */
  header(task: Pick<GivenTask, 'round' | 'attempt' | 'client'>, change?: object): UpdateHeader
  /** Sends the update of a well-behaved client in one message, but for the change. */
  send(task: GivenTask, change?: Change): Promise<UpdateAck>
  /** From now on answers every task at once, as a good client but for the change. */
  work(change?: Change): void
  leave(): void
}

export interface StageRun {
  readonly id: string
  readonly joinToken: string
  readonly notices: readonly RunNotice[]
  /** The first notice, past or to come, that fits. */
  notice(fits: (notice: RunNotice) => boolean): Promise<RunNotice>
  /** The run's record once it has ended. */
  ended(): Promise<RunRecord>
  /** The round's record once it is in the database. */
  round(round: number): Promise<RoundRecord>
  updates(round: number): Promise<readonly UpdateRecord[]>
  join(process: string, slots?: number): Promise<Player>
}

export interface Stage {
  readonly coordinator: Coordinator
  readonly url: string
  readonly dataDir: string
  run(changes?: object): Promise<StageRun>
  resume(id: string): Promise<StageRun>
  rest(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly body: unknown }>
  /** The global model as REST serves it: all values, in the order of the layout. */
  model(run: string): Promise<Float32Array>
  close(): Promise<void>
}

/** A fault and what the coordinator promises about it. */
export function fault(promise: string, prove: (t: TestContext) => Promise<void>): void {
  test(promise, { timeout: 120_000 }, prove)
}

export async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fedstrata-faults-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A coordinator of the test's own where it asks for something special, else one that the tests of a process share. */
export async function stage(t: TestContext, options?: Partial<CoordinatorOptions>): Promise<Stage> {
  const dataDir = options ? (options.dataDir ?? (await temporaryDir(t))) : await shared.dataDir()
  const coordinator = await (options ? start({ ...options, dataDir }) : shared.coordinator())
  const sockets: Socket[] = []
  const begun: StageRun[] = []
  let closing: Promise<void> | null = null
  const close = () => {
    closing ??= end()
    return closing
  }
  async function end(): Promise<void> {
    for (const socket of sockets) socket.disconnect()
    if (options) return coordinator.close()
    await Promise.all(begun.map(({ id }) => coordinator.runs.stop(id).catch(() => undefined)))
  }
  async function begin(opened: Promise<Opened>): Promise<StageRun> {
    const run = stageRun(coordinator, await opened, socket => sockets.push(socket))
    begun.push(run)
    return run
  }
  t.after(close)
  const { url } = coordinator
  return {
    coordinator,
    url,
    dataDir,
    close,
    run: changes => begin(coordinator.runs.create({ ...QUICK, ...changes })),
    resume: id => begin(coordinator.runs.resume(id)),
    async rest(path, init) {
      const response = await fetch(new URL(path, url), init)
      return { status: response.status, body: await response.json() }
    },
    async model(run) {
      const response = await fetch(new URL(`/api/v1/runs/${run}/model`, url))
      const { tensors } = decodeTensors(new Uint8Array(await response.arrayBuffer()))
      return Float32Array.from(tensors.flatMap(({ data }) => [...data]))
    },
  }
}

function start(options: Partial<CoordinatorOptions> & { readonly dataDir: string }): Promise<Coordinator> {
  return startCoordinator({ host: '127.0.0.1', port: 0, engine: 'cpu', ...options })
}

const shared = sharedCoordinator()

function sharedCoordinator() {
  let dataDir: Promise<string> | null = null
  let coordinator: Promise<Coordinator> | null = null
  const folder = () => {
    dataDir ??= mkdtemp(join(tmpdir(), 'fedstrata-faults-'))
    return dataDir
  }
  after(async () => {
    await (await coordinator)?.close()
    if (dataDir) await rm(await dataDir, { recursive: true, force: true })
  })
  return {
    dataDir: folder,
    coordinator() {
      coordinator ??= folder().then(dataDir => start({ dataDir }))
      return coordinator
    },
  }
}

type Opened = Awaited<ReturnType<Coordinator['runs']['create']>>

function stageRun({ runs, store, url }: Coordinator, opened: Opened, keep: (socket: Socket) => void): StageRun {
  const { joinToken } = opened
  const { id } = opened.run
  const notices: RunNotice[] = []
  const waiting = new Set<() => void>()
  runs.subscribe(id, notice => {
    notices.push(notice)
    for (const look of waiting) look()
  })
  const notice = (fits: (notice: RunNotice) => boolean) =>
    new Promise<RunNotice>(resolve => {
      const look = () => {
        const found = notices.find(fits)
        if (!found) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  return {
    id,
    joinToken,
    notices,
    notice,
    async ended() {
      await notice(isEnd)
      return store.run(id)
    },
    async round(round) {
      await notice(item => isEnd(item) || (item.type === 'round' && item.record.round === round))
      return store.round(id, round)
    },
    updates: async round => (await store.updates(id, round, { limit: 1000 })).items,
    async join(process, slots = 4) {
      const socket = connectRaw(url, { run: id, token: joinToken, process, slots })
      keep(socket)
      return player(socket)
    },
  }
}

const isEnd = (notice: RunNotice) => notice.type === 'status' && !['waiting', 'running'].includes(notice.status)

/** Joins with the socket; throws the refusal when it may not connect. */
export async function player(socket: Socket): Promise<Player> {
  const tasks: GivenTask[] = []
  const waiting = new Set<() => void>()
  let working: Change | null = null
  let global = new Float32Array()
  let parts: Buffer[] = []
  socket.on('round:global', (header, chunk, answer) => {
    if (header.part.offset === 0) parts = []
    if (chunk) parts.push(chunk)
    if (header.part.offset + (chunk?.length ?? 0) === header.part.total) global = floats(Buffer.concat(parts))
    answer({ ok: true, data: null })
  })
  socket.on('round:task', ({ round, attempt, client }: TaskHeader, _, answer) => {
    const task = { round, attempt, client, global }
    tasks.push(task)
    answer({ ok: true, data: null })
    if (working) void send(task, working)
    for (const look of waiting) look()
  })
  const refused = heard(socket, 'connect_error').then(([error]) => Promise.reject(Object.assign(error, error.data)))
  refused.catch(() => undefined)
  const ack = (await Promise.race([socket.emitWithAck('run:join'), refused])) as Ack<RunOpen>
  if (!ack.ok) throw Object.assign(new Error(ack.error.message), ack.error)
  const open = ack.data

  const header: Player['header'] = ({ round, attempt, client }, change = {}) => {
    const total = open.shared.reduce((sum, { size }) => sum + 4 * size, 0)
    const good = { run: open.run, round, attempt, client, layout: open.layout, segments: open.shared, numExamples: 15 }
    return { ...good, metrics: { trainLoss: 0.5, steps: 1, trainMs: 1 }, part: { offset: 0, total }, ...change }
  }
  async function send(task: GivenTask, { values, ...change }: Change = {}): Promise<UpdateAck> {
    const body = values ?? trained(task)
    const part = { offset: 0, total: body.byteLength }
    if (body.byteLength <= open.limits.chunkBytes)
      return socket.emitWithAck('round:update', header(task, { part, ...change }), Buffer.from(body.buffer))
    const { part: _, ...rest } = header(task, change)
    return { ok: true, data: (await sendUpdate(socket, rest, body)) as UpdateReply }
  }
  return {
    socket,
    open,
    tasks,
    header,
    send,
    task: (client, round = 1, attempt = 1) =>
      new Promise(resolve => {
        const look = () => {
          const found = tasks.find(task => task.client === client && task.round === round && task.attempt === attempt)
          if (!found) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    work(change = {}) {
      working = change
      for (const task of tasks) void send(task, change)
    },
    leave: () => void socket.disconnect(),
  }
}

function floats(bytes: Buffer): Float32Array<ArrayBuffer> {
  return new Float32Array(new Uint8Array(bytes).buffer)
}

/** What a good client sends: a step of its own from the global model, other in every round and for every client. */
export function trained({ global, client, round }: Pick<GivenTask, 'global' | 'client' | 'round'>): Float32Array {
  return global.map((value, i) => value + Math.fround(Math.sin(31 * round + 7 * client + i)) / 8)
}

/** FedAvg by hand: the mean of the models weighted by examples, in float64. */
export function weightedMean(models: readonly (readonly [values: Float32Array, numExamples: number])[]): number[] {
  const total = models.reduce((sum, [, weight]) => sum + weight, 0)
  const size = models[0]?.[0].length ?? 0
  return Array.from({ length: size }, (_, i) =>
    models.reduce((sum, [values, weight]) => sum + (weight * (values[i] ?? Number.NaN)) / total, 0),
  )
}

/** Largest distance of two lists of equal length. */
export function distance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  if (left.length !== right.length) return Number.POSITIVE_INFINITY
  return Array.from(left).reduce((most, value, i) => Math.max(most, Math.abs(value - right[i]!)), 0)
}

export function codeOf(ack: UpdateAck): string {
  return ack.ok ? ack.data.status : ack.error.code
}
