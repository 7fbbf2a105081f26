import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Socket } from 'socket.io-client'
import { ERROR_CODES } from '../../src/core/error-codes.ts'
import {
  handshakeSchema,
  inputsHeaderSchema,
  offerHeaderSchema,
  refusalHeaderSchema,
  updateHeaderSchema,
} from '../../src/protocol/messages.ts'
import { runFileSchema } from '../../src/rounds/run-file.ts'
import { type Scope, temporaryFolder } from '../cli/cli.ts'
import { type Player, player } from '../faults/player.ts'
import { type OpenedRun, type ServeProcess, serve } from '../faults/serve.ts'
import { connectRaw, heard } from '../socket/harness.ts'
import { nearly } from './near.ts'

export interface FuzzOptions {
  readonly messages: number
  readonly seed: number
  readonly say?: (line: string) => void
}

export interface FuzzReport {
  /** Answers by error code, `ok`, or `cut` where the connection was the answer. */
  readonly answers: Readonly<Record<string, number>>
  /** Resident memory of the coordinator after a fifth of the messages and at the end, bytes. */
  readonly memory: readonly [early: number, late: number]
}

/** At a time, so that they meet each other. */
const BATCH = 50

/**
 * Sends `messages` malformed, nearly right and random messages to a coordinator in a process of its own: Socket.IO
 * headers, bodies and packets, handshakes, REST bodies, paths and queries. Throws when an answer is not typed, or is an
 * `internal` error, when the process ends, or when a well-behaved client is not served as before, during and after.
 */
export async function fuzz(scope: Scope, { messages, seed, say = () => undefined }: FuzzOptions): Promise<FuzzReport> {
  const folder = await temporaryFolder(scope)
  const coordinator = await serve(scope, folder, [], { FEDSTRATA_JOIN_TOKEN: 'a-token-for-all' })
  // One run to be attacked, whose tasks the attacker gets; another for the client that must not notice.
  const changes = { rounds: 10_000, clients: { total: 3 }, round: { retries: 1000, deadlineSeconds: 3600 } }
  const good = await coordinator.join(await coordinator.create(changes), 'good', 3)
  const attacker = attackerOf(coordinator, await coordinator.create(changes), good)
  const answers: Record<string, number> = {}
  let early = 0
  for (let sent = 0; sent < messages; sent += BATCH) {
    const batch = fc.sample(attacker.message, {
      numRuns: Math.min(BATCH, messages - sent),
      seed: seed * 1_000_003 + sent,
    })
    const found = await Promise.all(batch.map(message => attacker.send(message)))
    for (const answer of found) answers[answer] = (answers[answer] ?? 0) + 1
    if (sent % 5000 < BATCH) await served(good)
    if (early === 0 && sent >= messages / 5) early = await residentBytes(coordinator)
    if (sent % 10_000 < BATCH) say(`${sent} messages: ${JSON.stringify(answers)}`)
  }
  await served(good)
  const late = await residentBytes(coordinator)
  attacker.close()
  good.leave()
  coordinator.process.kill('SIGTERM')
  const { code, stderr } = await coordinator.process.finished
  assert.equal(code, 0, stderr.slice(-2000))
  assert.doesNotMatch(stderr, /unhandled|could not be handled|could not take an event|a listener failed/i)
  return { answers, memory: [early, late] }
}

/** The whole of a round for a client that does everything right. */
async function served(good: Player): Promise<void> {
  const round = Math.max(...good.tasks.map(task => task.round), 1)
  for (const client of [0, 1, 2]) {
    const ack = await good.send(await good.task(client, round))
    assert.ok(ack.ok, JSON.stringify(ack))
  }
  await good.task(0, round + 1)
}

/** Names that a Socket.IO client refuses to send. */
const RESERVED: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])

type Message =
  | { readonly to: 'update'; readonly header: unknown; readonly fix: number; readonly body: Uint8Array }
  | { readonly to: 'inputs' | 'offer' | 'refuse' | 'handshake' | 'event' | 'post'; readonly value: unknown }
  | { readonly to: 'packet' | 'query' | 'body'; readonly text: string }

function attackerOf({ url }: ServeProcess, { run, joinToken }: OpenedRun, good: Player) {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 70 }),
    fc.constant(new Uint8Array(60)),
    fc.uint8Array({ minLength: 60, maxLength: 60 }),
  )
  const of = <T>(to: T) => fc.constant(to)
  const text = fc.oneof(fc.string({ maxLength: 60 }), fc.json({ maxDepth: 3 }))
  const message: fc.Arbitrary<Message> = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        to: of('update' as const),
        header: nearly(updateHeaderSchema),
        fix: fc.nat(63),
        body: bytes,
      }),
    },
    { weight: 3, arbitrary: fc.record({ to: of('refuse' as const), value: nearly(refusalHeaderSchema) }) },
    { weight: 1, arbitrary: fc.record({ to: of('inputs' as const), value: nearly(inputsHeaderSchema) }) },
    { weight: 2, arbitrary: fc.record({ to: of('offer' as const), value: nearly(offerHeaderSchema) }) },
    { weight: 1, arbitrary: fc.record({ to: of('handshake' as const), value: nearly(handshakeSchema) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        to: of('event' as const),
        value: fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ to: of('post' as const), value: nearly(runFileSchema) }) },
    { weight: 1, arbitrary: fc.record({ to: of('body' as const), text }) },
    { weight: 3, arbitrary: fc.record({ to: of('query' as const), text }) },
    { weight: 1, arbitrary: fc.record({ to: of('packet' as const), text }) },
  )

  let current: Promise<Player | null> | null = null
  let count = 0
  /** Null when the connection was cut before it had joined: what others sent over it meanwhile may do that. */
  const join = (): Promise<Player | null> => {
    current ??= player(connectRaw(url, { run: run.id, token: joinToken, process: `fuzz-${count++}`, slots: 1 })).then(
      made => {
        made.socket.once('disconnect', () => {
          current = null
        })
        return made
      },
      () => {
        current = null
        return null
      },
    )
    return current
  }
  /** The answer, or `cut` when the connection ends instead. */
  const asked = async (event: string, ...args: unknown[]): Promise<string> => {
    const joined = await join()
    if (!joined) return 'cut'
    return codeOf(await joined.socket.emitWithAck(event, ...args).catch(() => null))
  }
  const say = async (act: (socket: Socket) => void): Promise<string> => {
    const joined = await join()
    if (joined) act(joined.socket)
    return joined ? 'ok' : 'cut' // nobody is there to be answered
  }

  /** On a connection of its own: what is no packet costs its sender the connection. */
  async function packet(text: string): Promise<string> {
    const socket = connectRaw(url, { run: run.id, token: joinToken, process: 'packets', slots: 1 })
    await heard(socket, 'connect')
    const gone = heard(socket, 'disconnect')
    socket.io.engine.write(text)
    socket.io.engine.close()
    await gone
    return 'ok'
  }

  async function rest(path: string, init: RequestInit = {}): Promise<string> {
    const response = await fetch(new URL(path, url), { ...init, redirect: 'manual' })
    const body = await response.text()
    assert.ok(
      response.status < 500,
      `${response.status} for ${path} ${String(init.body).slice(0, 500)}: ${body.slice(0, 500)}`,
    )
    if (response.status < 400) {
      // A run file that happened to be right: it must not wait here for ever.
      const { run } = (init.method === 'POST' ? JSON.parse(body) : {}) as { run?: { id: string } }
      if (run) await fetch(new URL(`/api/v1/runs/${run.id}/stop`, url), { method: 'POST' })
      return 'ok'
    }
    return codeOf({ ok: false, error: JSON.parse(body) })
  }
  const post = (body: string, type = 'application/json') =>
    rest('/api/v1/runs', { method: 'POST', body, headers: { 'content-type': type } })

  async function send(given: Message): Promise<string> {
    switch (given.to) {
      case 'update':
        return asked('round:update', repaired(given.header, given.fix), Buffer.from(given.body))
      case 'inputs':
        return asked('run:inputs', given.value)
      case 'offer':
        return asked('round:offer', given.value)
      case 'refuse':
        return asked('round:refuse', given.value)
      case 'event': {
        const [event, ...args] = given.value as unknown[]
        const name = typeof event === 'string' && !RESERVED.has(event) ? event : 'round:update'
        return say(socket => socket.emit(name, ...args))
      }
      case 'packet':
        return packet(given.text)
      case 'handshake': {
        const socket = connectRaw(url, Object(given.value) as object)
        const answer = await Promise.race([
          heard(socket, 'connect_error').then(([error]) => codeOf({ ok: false, error: error.data })),
          heard(socket, 'connect').then(() => 'ok'),
        ])
        socket.disconnect()
        return answer
      }
      case 'post':
        return post(JSON.stringify(given.value) ?? '')
      case 'body':
        return post(given.text, given.text.length % 2 === 0 ? 'application/json' : 'application/yaml')
      case 'query':
        return rest(
          `/api/v1/runs/${given.text.length % 2 === 0 ? `${run.id}/metrics?` : ''}${encodeURIComponent(Buffer.from(given.text).toString()).replaceAll('%26', '&').replaceAll('%3D', '=')}`,
        )
      default:
        return given satisfies never
    }
  }

  /** Some of the fields made right, by the bits of `fix`, so that the message comes further in. */
  function repaired(header: unknown, fix: number): unknown {
    if (typeof header !== 'object' || header === null || Array.isArray(header)) return header
    const right = good.header({ round: 1, attempt: 1, client: fix % 4, numExamples: 15 })
    const fields = Object.entries(right).filter((_, index) => (fix >> (index % 6)) & 1)
    return { ...header, ...Object.fromEntries(fields), run: run.id }
  }

  return { message, send, close: () => void current?.then(joined => joined?.socket.disconnect()) }
}

/** Throws unless the answer is data or an error with a code of ours that is not `internal`. */
function codeOf(answer: unknown): string {
  if (answer === null) return 'cut'
  const { ok, error } = answer as { ok?: boolean; error?: { code?: string } }
  if (ok) return 'ok'
  const code = error?.code ?? 'none'
  assert.ok(Object.hasOwn(ERROR_CODES, code) && code !== 'internal', JSON.stringify(answer).slice(0, 500))
  return code
}

async function residentBytes({ url }: ServeProcess): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text()
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1])
}
