import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import type { HttpDeps } from '../../src/server/http/deps.ts'
import { createServerMetrics } from '../../src/server/http/server-metrics.ts'
import { addRound, addRun, barrierRecords, roundRecord } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

interface Event {
  readonly id: string
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly data: any
}

const URL = '/api/v1/runs/a/events'

test('an ended run tells its rounds again from the store, then how it ended, and the stream ends', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  for (const round of [1, 2, 3]) await addRound(deps, 'a', round)
  await deps.store.updateRun('a', { status: 'failed', error: { code: 'quorum_missed', message: 'too few' } })
  const response = await send(`${URL}?from=2`)
  assert.equal(response.headers['content-type'], 'text/event-stream')
  assert.equal(response.headers['cache-control'], 'no-store')
  assert.match(response.body, /^retry: \d+\n\n/)
  assert.deepEqual(parse(response.body), [
    { id: '2', event: 'round', data: { run: 'a', record: roundRecord(2), barriers: barrierRecords(2) } },
    { id: '3', event: 'round', data: { run: 'a', record: roundRecord(3), barriers: barrierRecords(3) } },
    {
      id: '3-failed',
      event: 'status',
      data: { run: 'a', status: 'failed', error: { code: 'quorum_missed', message: 'too few' } },
    },
  ])
})

test('without from only what is new is told', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  await deps.store.updateRun('a', { status: 'completed' })
  assert.deepEqual(
    parse((await send(URL)).body).map(({ event }) => event),
    ['status'],
  )
})

test('Last-Event-ID goes on after that round, and wins over from', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  for (const round of [1, 2, 3]) await addRound(deps, 'a', round)
  await deps.store.updateRun('a', { status: 'stopped' })
  const headers = { 'last-event-id': '2' }
  const { body } = await send({ url: `${URL}?from=1`, headers })
  assert.deepEqual(
    parse(body).map(({ id }) => id),
    ['3', '3-stopped'],
  )
})

test('who has seen the end gets 204, which tells a browser not to come back; after a resume the stream goes on', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  await deps.store.updateRun('a', { status: 'stopped' })
  const headers = { 'last-event-id': '1-stopped' }
  assert.deepEqual([(await send({ url: URL, headers })).statusCode, deps.runs.listeners('a')], [204, 0])
  await addRound(deps, 'a', 2)
  await deps.store.updateRun('a', { status: 'completed' })
  assert.deepEqual(
    parse((await send({ url: URL, headers })).body).map(({ id }) => id),
    ['2', '2-completed'],
  )
})

test('a live run: replay, then each live round once, progress and status, all with ids; the end closes it', async t => {
  const { deps, open } = await listening(t)
  await addRun(deps.store, 'a')
  await deps.store.updateRun('a', { status: 'running' })
  const commits = [await addRound(deps, 'a', 1), await addRound(deps, 'a', 2)]
  const stream = await open(`${URL}?from=1`)
  const told = [await stream.next(), await stream.next(), await stream.next()]
  assert.deepEqual(
    told.map(event => event && [event.event, event.id]),
    [
      ['status', '0'],
      ['round', '1'],
      ['round', '2'],
    ],
  )

  const progress = { run: 'a', round: 3, completed: 1, selected: 2, phase: 'train' }
  const third = await addRound(deps, 'a', 3)
  const live = [commits[1]!, third].map(({ round, barriers }) => ({ record: round, barriers }))
  for (const { record, barriers } of live)
    deps.runs.emit('a', { type: 'round', run: 'a', record, barriers, bytes: { up: 5, down: 7 } }) // 2 again
  deps.runs.emit('a', { type: 'progress', ...progress })
  deps.runs.emit('a', { type: 'status', run: 'a', status: 'failed', error: new FedError('quorum_missed') })
  assert.deepEqual(await stream.next(), { id: '3', event: 'round', data: { run: 'a', ...live[1] } })
  assert.deepEqual(await stream.next(), { id: '3', event: 'progress', data: progress })
  const end = await stream.next()
  assert.deepEqual([end?.id, end?.event, end?.data.error.code], ['3-failed', 'status', 'quorum_missed'])
  assert.equal(await stream.next(), undefined)
  await deps.runs.listening('a', 0)
})

test('before the first round ids are empty, by which a caller that comes back starts over with its from', async t => {
  const { deps, open } = await listening(t)
  await addRun(deps.store, 'a')
  assert.equal((await (await open(`${URL}?from=0`)).next())?.id, '')
  assert.equal((await (await open(`${URL}?from=1`)).next())?.id, '0')
})

test('a round that is committed while the store is being read is told once', async t => {
  const { deps, open } = await listening(t)
  await addRun(deps.store, 'a')
  await deps.store.updateRun('a', { status: 'running' })
  await addRound(deps, 'a', 1)
  const { rounds } = deps.store
  deps.store.rounds = async (id, query) => {
    deps.store.rounds = rounds
    const { round: record, barriers } = await addRound(deps, id, 2)
    const page = await rounds(id, query) // holds round 2 already
    deps.runs.emit(id, { type: 'round', run: id, record, barriers, bytes: { up: 5, down: 7 } })
    deps.runs.emit(id, { type: 'status', run: id, status: 'completed' })
    return page
  }
  const stream = await open(`${URL}?from=1`)
  const told: unknown[] = []
  for (let event = await stream.next(); event; event = await stream.next()) told.push(event.id)
  assert.deepEqual(told, ['0', '1', '2', '2-completed'])
})

test('a caller that goes away leaves no listener behind, whether it reads or the stream is silent', async t => {
  const metrics = createServerMetrics()
  const { deps, open } = await listening(t, { metrics })
  await addRun(deps.store, 'a')
  await deps.store.updateRun('a', { status: 'running' })
  const streams = [await open(URL), await open(URL), await open(URL)]
  for (const stream of streams) await stream.next()
  assert.equal(deps.runs.listeners('a'), 3)
  assert.equal((await metrics.eventStreams.get()).values[0]?.value, 3)
  for (const stream of streams) stream.leave()
  await deps.runs.listening('a', 0)
  await settled(async () => (await metrics.eventStreams.get()).values[0]?.value === 0)
})

test('silence is broken by comments, so that proxies keep the connection', async t => {
  const { deps, open } = await listening(t, { heartbeatMs: 5 })
  await addRun(deps.store, 'a')
  await deps.store.updateRun('a', { status: 'running' })
  const stream = await open(URL)
  await stream.next()
  await stream.comments(3)
  deps.runs.emit('a', { type: 'status', run: 'a', status: 'completed' })
  assert.equal((await stream.next())?.id, '0-completed')
})

test('closing the server ends open streams in good order', async t => {
  const { app, deps, open } = await listening(t)
  await addRun(deps.store, 'a')
  const stream = await open(URL)
  assert.equal((await stream.next())?.data.status, 'waiting')
  await Promise.all([app.close(), deps.runs.listening('a', 0)])
  assert.equal(await stream.next(), undefined)
})

test('a wrong from is 400, and HEAD is not offered: a stream has no end to wait for', async t => {
  const { app, deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  problem(await send(`${URL}?from=x`), 400, 'input_invalid')
  const head = await app.inject({ method: 'HEAD', url: URL })
  assert.deepEqual([head.statusCode, head.headers.allow], [405, 'GET'])
})

/** A server on a free port of this machine, and event streams from it. */
async function listening(t: TestContext, options: Partial<HttpDeps> = {}) {
  const { app, deps } = await harness(t, options)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    deps,
    async open(path: string) {
      const caller = new AbortController()
      t.after(() => caller.abort())
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: caller.signal })
      assert.equal(response.status, 200)
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      let comments = 0
      const blocks = async (): Promise<string | undefined> => {
        for (;;) {
          const end = text.indexOf('\n\n')
          if (end >= 0) {
            const block = text.slice(0, end)
            text = text.slice(end + 2)
            return block
          }
          const { done, value } = await reader.read()
          if (done) return undefined
          text += value
        }
      }
      return {
        leave: () => caller.abort(),
        async next(): Promise<Event | undefined> {
          for (let block = await blocks(); block !== undefined; block = await blocks()) {
            const [event] = parse(`${block}\n\n`)
            if (event) return event
          }
          return undefined
        },
        async comments(count: number): Promise<void> {
          while (comments < count) if ((await blocks()) === ':') comments++
        },
      }
    },
  }
}

function parse(text: string): Event[] {
  return text
    .split('\n\n')
    .filter(block => block.startsWith('id:'))
    .map(block => {
      const fields = Object.fromEntries(block.split('\n').map(line => line.split(/: ?(.*)/s, 2)))
      return { id: fields['id'], event: fields['event'], data: JSON.parse(fields['data']) }
    })
}

/** Turns the event loop until `holds`. */
async function settled(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setImmediate(resolve))
}
