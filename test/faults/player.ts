import type { Socket } from 'socket.io-client'
import type { Ack, RunOpen, TaskHeader, UpdateHeader, UpdateReply } from '../../src/protocol/messages.ts'
import { heard, joinRaw, sendUpdate } from '../socket/harness.ts'

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
export interface GivenTask extends Pick<TaskHeader, 'round' | 'attempt' | 'client' | 'numExamples'> {
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
  header(task: Pick<GivenTask, 'round' | 'attempt' | 'client' | 'numExamples'>, change?: object): UpdateHeader
  /** Sends the update of a well-behaved client in one message, but for the change. */
  send(task: GivenTask, change?: Change): Promise<UpdateAck>
  /** From now on answers every task at once, as a good client but for the change. */
  work(change?: Change): void
  leave(): void
}

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
  socket.on('round:task', ({ round, attempt, client, numExamples }: TaskHeader, _, answer) => {
    const task = { round, attempt, client, numExamples, global }
    tasks.push(task)
    answer({ ok: true, data: null })
    if (working) void send(task, working)
    for (const look of waiting) look()
  })
  const refused = heard(socket, 'connect_error').then(([error]) => Promise.reject(Object.assign(error, error.data)))
  refused.catch(() => undefined)
  const ack = (await Promise.race([joinRaw(socket), refused])) as Ack<RunOpen>
  if (!ack.ok) throw Object.assign(new Error(ack.error.message), ack.error)
  const open = ack.data

  const header: Player['header'] = ({ round, attempt, client, numExamples }, change = {}) => {
    const total = open.shared.reduce((sum, { size }) => sum + 4 * size, 0)
    const good = { run: open.run, round, attempt, client, layout: open.layout, segments: open.shared, numExamples }
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
