import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import type { Socket } from 'socket.io-client'
import type { RoundRecord, RunRecord, UpdateRecord } from '../../src/core/records.ts'
import { decodeTensors } from '../../src/core/safetensors.ts'
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../../src/main/coordinator.ts'
import type { RunNotice } from '../../src/rounds/ports.ts'
import { connectRaw } from '../socket/harness.ts'
import { type Player, player, QUICK } from './player.ts'

export * from './player.ts'

/**
 * The real coordinator (REST, Socket.IO, compute worker, SQLite) on a free port of the loopback, and hand-driven client
 * processes on real sockets, which can do right and wrong at any moment.
 */

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
  resume(id: string, options?: { readonly allowEngineChange: boolean }): Promise<StageRun>
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
    resume: (id, options) => begin(coordinator.runs.resume(id, options)),
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
