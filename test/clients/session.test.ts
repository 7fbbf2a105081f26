import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { afterEach, beforeEach, test } from 'node:test'
import { Server } from 'socket.io'
import { type ClientOptions, runClient } from '../../clients/worker.ts'
import { FedError } from '../../src/core/errors.ts'
import { type Harness, hashOf, RUN, startGateway, TOKEN } from '../socket/harness.ts'
import { scriptedTrainer } from './scripted-trainer.ts'

let harness: Harness
beforeEach(async () => {
  harness = await startGateway()
})
afterEach(() => harness.stop())

const trainer = scriptedTrainer()
const client = (options: Partial<ClientOptions> = {}) =>
  runClient({
    url: harness.url,
    run: RUN,
    token: TOKEN,
    trainer: trainer.prepare,
    backoff: { firstMs: 1, longestMs: 5 },
    ...options,
  })

for (const outcome of ['completed', 'stopped', 'failed'] as const)
  test(`a client ends with the run: ${outcome}`, async () => {
    const disposed = trainer.disposed
    const running = client({ process: 'p1' })
    await harness.until('joined')
    harness.clients.end(outcome, 'as it was')
    assert.equal(await running, outcome)
    await harness.until('left')
    assert.equal(trainer.disposed, disposed + 1)
  })

test('a client ends when told to, also in the middle of a task', async () => {
  const stop = new AbortController()
  const held = scriptedTrainer()
  held.hold()
  const running = client({ process: 'p1', signal: stop.signal, trainer: held.prepare })
  await harness.until('joined')
  harness.clients.assign('p1', harness.task(0))
  await harness.until('delivered')
  stop.abort()
  assert.equal(await running, 'stopped')
  await harness.until('left')
  assert.equal(held.disposed, 1)
  assert.equal(await client({ signal: stop.signal }), 'stopped')
})

for (const [name, options, code] of [
  ['a wrong token', { token: 'wrong' }, 'token_invalid'],
  ['no token', { token: '' }, 'token_missing'],
  ['an unknown run', { run: 'run-2' }, 'run_not_active'],
  ['a name that is none', { process: 'a b' }, 'input_invalid'],
  ['no slots', { slots: 0 }, 'input_invalid'],
  ['an address that is none', { url: 'localhost' }, 'input_invalid'],
  ['an address of a file', { url: 'file:///tmp' }, 'input_invalid'],
] as const)
  test(`a client with ${name} ends with ${code}, and does not try again`, async () => {
    let attempts = 0
    harness.server.engine.on('connection', () => attempts++)
    await assert.rejects(client(options), { name: 'FedError', code })
    assert.ok(attempts <= 1)
    assert.deepEqual(harness.told, [])
  })

test('a client that cannot prepare leaves with the reason, and spoils no task', async () => {
  let fail = () => {}
  const failing = () =>
    new Promise<never>((_, reject) => {
      fail = () => reject(new FedError('data_missing', { expected: 'train-images in /nowhere' }))
    })
  const running = client({ process: 'p1', trainer: failing })
  await harness.until('joined')
  harness.clients.assign('p1', harness.task(0))
  await harness.until('delivered')
  fail()
  await assert.rejects(running, { code: 'data_missing' })
  await harness.until('left')
  assert.equal(harness.of('refused').length, 0)
})

test('of two clients with one name the newer goes on, and the older ends for good', async () => {
  const older = client({ process: 'twin' })
  await harness.until('joined')
  const newer = client({ process: 'twin' })
  await assert.rejects(older, { code: 'run_conflict' })
  await harness.until('joined', 2)
  harness.clients.end('completed')
  assert.equal(await newer, 'completed')
})

test('a client waits for a coordinator that is not there yet, and comes back to one that was restarted', async () => {
  const port = Number(new URL(harness.url).port)
  await harness.stop()
  const running = client({ process: 'p1' })
  harness = await startGateway({}, port)
  await harness.until('joined')
  await harness.stop()
  harness = await startGateway({}, port)
  await harness.until('joined')
  harness.clients.end('completed')
  assert.equal(await running, 'completed')
})

test('a client that was away when the run ended is told how it ended', async () => {
  const running = client({ process: 'p1' })
  await harness.until('joined')
  harness.server.disconnectSockets(true)
  harness.clients.end('completed')
  await harness.gateway.close(RUN)
  assert.equal(await running, 'completed')
  assert.equal(harness.of('joined').length, 1)
})

test('a client whose run is closed between handshake and join waits for it, if it had joined before', async () => {
  const port = Number(new URL(harness.url).port)
  const running = client({ process: 'p1' })
  await harness.until('joined')
  await harness.stop()
  const http = createServer()
  const server = new Server(http)
  http.listen(port, '127.0.0.1')
  await new Promise(refused => {
    server.on('connection', socket =>
      socket.on('run:join', answer => {
        answer({ ok: false, error: { code: 'run_not_active', message: 'The run is not active' } })
        socket.on('disconnect', refused)
      }),
    )
  })
  await server.close()
  harness = await startGateway({}, port)
  await harness.until('joined')
  harness.clients.end('completed')
  assert.equal(await running, 'completed')
  await assert.rejects(client({ process: 'p2', run: 'run-2' }), { code: 'run_not_active' })
})

test('a client whose run got a new token meanwhile is told so', async () => {
  const running = client({ process: 'p1' })
  await harness.until('joined')
  harness.gateway.close(RUN)
  harness.gateway.open({ ...harness.run, token: { hash: hashOf('another') } })
  await assert.rejects(running, { code: 'token_invalid' })
})
