import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { PROTOCOL_VERSION } from '../../src/protocol/messages.ts'
import { type Scope, temporaryFolder } from '../cli/cli.ts'
import { type OpenedRun, type ServeProcess, serve } from '../faults/serve.ts'
import { heard } from '../socket/harness.ts'

/**
 * Sockets that come as far as they can and then do nothing: never again a byte, not even the answer to a ping. A good
 * client of another run is served meanwhile, and each of them is cut.
 */
const KINDS = {
  /** Says nothing at all. */
  connected: async () => {},
  /** Half a request. */
  asking: async (socket: Socket) => void socket.write('GET /api/v1/runs HTTP/1.1\r\nx-half: '),
  /** A WebSocket, which says nothing. */
  upgraded: upgrade,
  /** A client process that joins a run and takes what it is given, or waits for it. */
  joined: async (socket: Socket, opened: OpenedRun, name: string) => {
    await upgrade(socket)
    const { joinToken: token, run } = opened
    const { id, dataSha256 } = run
    const auth = { protocol: PROTOCOL_VERSION, run: id, token, process: name, slots: 1 }
    await said(socket, `40${JSON.stringify(auth)}`, '40{')
    await said(socket, '420["run:join"]', '430[')
    await said(socket, `421${JSON.stringify(['run:inputs', { run: id, data: dataSha256, model: null }])}`, '431[')
  },
} as const

export type Kind = keyof typeof KINDS
const NAMES = Object.keys(KINDS) as Kind[]

/** The part of a coordinator that is looked at. */
export type Target = Pick<ServeProcess, 'url' | 'create' | 'join'>

export interface StallReport {
  readonly sockets: Readonly<Record<Kind, number>>
  /** Rounds of the good client while all others stalled. */
  readonly rounds: number
  /** Milliseconds until the last of the stalled was cut. */
  readonly lastCutMs: number
}

export async function stall(
  scope: Scope,
  target: Target,
  { sockets, rounds, whenAll = async () => {} }: { sockets: number; rounds: number; whenAll?: () => Promise<unknown> },
): Promise<StallReport> {
  // Its clients have tasks that nobody will do.
  const stalled = await target.create({ name: 'stalled', round: { deadlineSeconds: 3600, retries: 0 } })
  const good = await target.create({ rounds })
  const open: Socket[] = []
  scope.after(() => {
    for (const socket of open) socket.destroy()
  })
  const counts = Object.fromEntries(NAMES.map(name => [name, 0])) as Record<Kind, number>
  const cut: Promise<unknown>[] = []
  const begin = performance.now()
  for (let i = 0; i < sockets; i++) {
    const kind = NAMES[i % NAMES.length]!
    const socket = connect(Number(new URL(target.url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    open.push(socket)
    await once(socket, 'connect')
    await KINDS[kind](socket, stalled, `stalled-${i}`)
    cut.push(socket.closed ? Promise.resolve() : new Promise(resolve => socket.resume().once('close', resolve)))
    counts[kind]++
  }
  const player = await target.join(good, 'good')
  const ended = heard(player.socket, 'run:end')
  player.work()
  await whenAll()
  const [{ outcome }] = await ended
  if (outcome !== 'completed') throw new Error(`the good client’s run ${outcome}`)
  await Promise.all(cut)
  return { sockets: counts, rounds, lastCutMs: performance.now() - begin }
}

/** A coordinator in a process of its own, with the limits that it has by itself; memory in bytes. */
export async function stallSoak(scope: Scope, { sockets, rounds }: { sockets: number; rounds: number }) {
  const coordinator = await serve(scope, await temporaryFolder(scope))
  const look = async () => {
    const text = await (await fetch(new URL('/metrics', coordinator.url))).text()
    const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    return {
      memory: metric('process_resident_memory_bytes'),
      delayMs: 1000 * metric('nodejs_eventloop_lag_p99_seconds'), // since one looked last
    }
  }
  const { memory: before } = await look()
  let during = { memory: before, delayMs: 0 }
  const report = await stall(scope, coordinator, {
    ...{ sockets, rounds },
    async whenAll() {
      during = await look()
    },
  })
  const { memory: after } = await look()
  return { ...report, before, during: during.memory, after, eventLoopDelayP99Ms: during.delayMs }
}

async function upgrade(socket: Socket): Promise<void> {
  const key = Buffer.alloc(16).toString('base64')
  await said(
    socket,
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
    '0{"sid"',
    String,
  )
}

/** Sends the text, in a frame unless told otherwise, and waits for the beginning of what is to come back. */
async function said(
  socket: Socket,
  text: string,
  wanted: string,
  form: (text: string) => string | Buffer = frame,
): Promise<void> {
  let heard = ''
  const answered = new Promise<void>(resolve => {
    const hear = (bytes: Buffer) => {
      heard += bytes.toString('latin1')
      if (!heard.includes(wanted)) return
      socket.off('data', hear)
      resolve()
    }
    socket.on('data', hear)
  })
  socket.write(form(text))
  const closed = once(socket, 'close').then(() => {
    throw new Error(`closed before ${wanted}: ${heard.slice(0, 500)}`)
  })
  closed.catch(() => undefined)
  await Promise.race([answered, closed])
}

/** A text frame as a client sends it, masked with zeros. */
function frame(text: string): Buffer {
  const bytes = Buffer.from(text)
  const short = bytes.length < 126
  const length = short ? Buffer.from([0x80 | bytes.length]) : Buffer.from([0xfe, bytes.length >> 8, bytes.length & 255])
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), bytes])
}
