import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { type ClientOptions, runClient } from '../../clients/worker.ts'
import { FedError } from '../../src/core/errors.ts'
import { counting, large, small } from '../protocol/layouts.ts'
import { type Harness, RUN, startGateway, TOKEN } from '../socket/harness.ts'
import { scriptedTrainer } from './scripted-trainer.ts'

let harness: Harness
let stop: AbortController
const running = new Set<Promise<unknown>>()

beforeEach(async () => {
  harness = await startGateway()
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await Promise.allSettled(running)
  running.clear()
  await harness.stop()
})

/** A client with a scripted trainer, stopped after the test. */
function start(options: Partial<ClientOptions> = {}) {
  const trainer = scriptedTrainer()
  const client = runClient({
    url: harness.url,
    run: RUN,
    token: TOKEN,
    process: 'p1',
    trainer: trainer.prepare,
    backoff: { firstMs: 1, longestMs: 5 },
    signal: stop.signal,
    ...options,
  })
  running.add(client.catch(() => {}))
  return { client, trainer }
}

const params = counting(small.size)
const server = { round: 0, params, strategy: null, clients: new Map() }
const task = (client: number, change: object = {}) => harness.task(client, { server, ...change })

test('a task is received, done and answered', async () => {
  const { trainer } = start({ slots: 3 })
  assert.deepEqual(await harness.until('joined'), { type: 'joined', process: 'p1', slots: 3 })
  const own = new Map([
    ['block/fc2', Float32Array.of(8, 7, 6, 5, 4, 3, 2, 1)],
    ['momentum/fc1', Float32Array.of(0.5)],
  ])
  harness.clients.assign('p1', task(4, { own, initialise: [], reply: ['fc2', 'fc1'] }))
  const { key, update } = await harness.until('update')
  const [received] = trainer.tasks
  assert.deepEqual([received!.round, received!.client], [1, 4])
  assert.deepEqual(
    [...received!.global],
    [
      ['fc1', params.slice(0, 9)],
      ['fc2', params.slice(9)],
    ],
  )
  assert.deepEqual([...received!.own], [['fc2', own.get('block/fc2')]])
  assert.deepEqual([...received!.memory], [['momentum/fc1', Float32Array.of(0.5)]])

  assert.deepEqual(key, { round: 1, attempt: 1, client: 4 })
  assert.deepEqual(
    [...update.segments],
    [
      ['block/fc2', Float32Array.of(9, 8, 7, 6, 5, 4, 3, 2)],
      ['block/fc1', params.slice(0, 9).map(value => value + 1)],
    ],
  )
  assert.deepEqual([update.numExamples, update.trainLoss, update.steps, update.process], [10, 0.25, 7, 'p1'])
  assert.ok(update.trainMs >= 0)
})

test('tasks are done one at a time, in order, and each gets the global blocks of its own round', async () => {
  const { trainer } = start()
  await harness.until('joined')
  trainer.hold()
  for (const client of [3, 1]) harness.clients.assign('p1', task(client))
  await harness.until('delivered', 2)
  harness.clients.assign(
    'p1',
    harness.task(2, { round: 2, server: { ...server, round: 1, params: params.map(v => -v) } }),
  )
  await harness.until('delivered', 3)
  assert.equal(trainer.tasks.length, 1)
  trainer.release()
  await harness.until('update', 3)
  assert.equal(trainer.most, 1)
  assert.deepEqual(
    trainer.tasks.map(({ client, global }) => [client, global.get('fc1')![1]]),
    [
      [3, 1],
      [1, 1],
      [2, -1],
    ],
  )
})

test('bodies above one chunk travel both ways', async () => {
  await harness.stop()
  harness = await startGateway({ layout: large })
  start()
  await harness.until('joined')
  const big = counting(large.size)
  harness.clients.assign('p1', harness.task(0, { server: { ...server, params: big } }))
  const { update } = await harness.until('update')
  assert.equal(update.bytes, 1_200_000)
  assert.deepEqual(
    update.segments.get('block/fc1'),
    big.map(value => value + 1),
  )
})

test('a result whose ack was lost is sent again over the next connection, and is the same', async () => {
  const { trainer } = start()
  await harness.until('joined')
  harness.script.decide = () => new Promise(() => {}) // counted, but the answer never leaves
  harness.clients.assign('p1', task(0))
  await harness.until('update')
  harness.script.decide = async ({ round }) => ({ ok: true, duplicate: true, round })
  for (const socket of harness.server.sockets.sockets.values()) socket.conn.close() // the transport breaks
  await harness.until('update', 2)
  const [first, again] = harness.of('update')
  assert.deepEqual(again!.key, first!.key)
  assert.equal(again!.update.fingerprint, first!.update.fingerprint)
  assert.equal(trainer.tasks.length, 1, 'it was not trained again')
  assert.deepEqual(
    harness.of('joined').map(({ process }) => process),
    ['p1', 'p1'],
  )
})

test('a task that is given again is answered from its result, under the new attempt', async () => {
  const { trainer } = start()
  await harness.until('joined')
  harness.script.decide = () => new Promise(() => {})
  harness.clients.assign('p1', task(0))
  await harness.until('update')
  const left = harness.until('left')
  harness.server.disconnectSockets(true) // by the server: Socket.IO itself would not come back
  await left
  harness.script.decide = async ({ round }) => ({ ok: true, duplicate: false, round })
  harness.script.admit = ({ attempt }) => (attempt === 1 ? new FedError('rate_limited') : null)
  await harness.until('joined', 2)
  harness.clients.assign('p1', task(0, { attempt: 2 }))
  const { key } = await harness.until('update', 2)
  assert.equal(key.attempt, 2)
  assert.equal(trainer.tasks.length, 1)
})

test('a task in hand that is given again is done once', async () => {
  const { trainer } = start()
  await harness.until('joined')
  trainer.hold()
  harness.clients.assign('p1', task(0))
  harness.clients.assign('p1', task(1))
  await harness.until('delivered', 2)
  for (const client of [0, 1]) harness.clients.assign('p1', task(client, { attempt: 2 }))
  await harness.until('delivered', 4)
  trainer.release()
  await harness.until('update', 2)
  harness.clients.assign('p1', task(2))
  await harness.until('update', 3)
  assert.deepEqual(
    trainer.tasks.map(({ client }) => client),
    [0, 1, 2],
  )
})

test('a withdrawn task is aborted or never begun, and nothing is sent for it', async () => {
  const { trainer } = start()
  await harness.until('joined')
  trainer.hold()
  for (const client of [0, 1, 2]) harness.clients.assign('p1', task(client))
  await harness.until('delivered', 3)
  for (const client of [0, 1]) harness.clients.withdraw('p1', { round: 1, client })
  await trainer.aborted
  trainer.release()
  const { key } = await harness.until('update')
  assert.equal(key.client, 2)
  assert.deepEqual(
    trainer.tasks.map(({ client }) => client),
    [0, 2],
  )
  assert.equal(harness.of('refused').length, 0)
})

test('a task that fails is refused with its code, and what is no error of ours as client_failed', async () => {
  const { trainer } = start()
  await harness.until('joined')
  trainer.failWith(new FedError('training_diverged', { expected: 'a finite loss', received: 'NaN in epoch 2, step 5' }))
  harness.clients.assign('p1', task(0))
  const { key, error } = await harness.until('refused')
  assert.deepEqual([key.client, error.code], [0, 'training_diverged'])
  assert.match(error.message, /NaN in epoch 2, step 5/)
  trainer.failWith(new Error('no such tensor'))
  harness.clients.assign('p1', task(1))
  const second = await harness.until('refused', 2)
  assert.deepEqual([second.error.code, second.error.detail.received], ['client_failed', 'no such tensor'])
  trainer.failWith(null)
  harness.clients.assign('p1', task(2))
  await harness.until('update')
})

test('an update above the announced limit is told, not sent', async () => {
  await harness.stop()
  harness = await startGateway({ limits: { chunkBytes: 1 << 20, window: 4, maxUpdateBytes: 67 } })
  start()
  await harness.until('joined')
  harness.clients.assign('p1', task(0))
  const { error } = await harness.until('refused')
  assert.equal(error.code, 'message_too_large')
  assert.match(error.message, /at most 67 bytes/)
  assert.match(error.message, /68 bytes/)
  assert.equal(harness.of('joined').length, 1, 'the connection stays')
})

test('a busy coordinator is tried again, a decided refusal is not', async () => {
  start()
  await harness.until('joined')
  let asked = 0
  harness.script.admit = () => (++asked < 4 ? new FedError('rate_limited') : null)
  harness.clients.assign('p1', task(0))
  await harness.until('update')
  assert.equal(asked, 4)
  harness.clients.assign('p1', task(1))
  harness.clients.assign('p1', task(2))
  harness.script.admit = ({ client }) => {
    if (client === 1) asked++
    return client === 1 ? new FedError('stale_round') : null
  }
  await harness.until('update', 2)
  assert.equal(asked, 5)
})

test('many tasks over many broken connections are each answered once decided', async () => {
  const { trainer } = start({ slots: 50 })
  await harness.until('joined')
  const counted = new Set<number>()
  harness.script.decide = async ({ client, round }) => {
    const duplicate = counted.has(client)
    counted.add(client)
    if (counted.size % 7 === 0 && !duplicate)
      for (const socket of harness.server.sockets.sockets.values()) socket.conn.close()
    return { ok: true, duplicate, round }
  }
  const all = Array.from({ length: 50 }, (_, client) => client)
  for (const client of all) harness.clients.assign('p1', task(client))
  let joins = 1
  while (counted.size < 50) {
    await Promise.race([harness.until('joined', joins + 1), harness.until('update', harness.of('update').length + 1)])
    if (harness.of('joined').length === joins) continue
    joins = harness.of('joined').length
    for (const client of all.filter(client => !counted.has(client))) harness.clients.assign('p1', task(client))
  }
  assert.ok(joins > 3, `only ${joins} connections`)
  assert.deepEqual(
    [...counted].sort((a, b) => a - b),
    all,
  )
  assert.equal(trainer.most, 1)
})
