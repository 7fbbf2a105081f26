import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import { addRun } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

const TOKEN = 'correct-horse'

function journal() {
  const lines: string[] = []
  const sink = new PassThrough()
  sink.on('data', line => lines.push(String(line)))
  const audit = () => lines.map(line => JSON.parse(line)).filter(line => line.audit === 'rest')
  return { lines, audit, logger: pino({ level: 'trace' }, sink) }
}

test('an address that asks too often waits, whatever it asks and with any token; others and the health checks do not', async t => {
  const { lines, audit, logger } = journal()
  const { send, app } = await harness(t, { token: TOKEN, requestsPerMinute: 2, logger })
  const ask = (url: string, token: string, remoteAddress: string) =>
    send({ url, headers: { authorization: `Bearer ${token}` }, remoteAddress })
  problem(await ask('/api/v1/runs', 'a-guess', '192.0.2.1'), 401, 'token_invalid')
  problem(await app.inject({ url: '/nothing', remoteAddress: '192.0.2.1' }), 401, 'token_missing')
  const refused = await ask('/api/v1/runs', TOKEN, '192.0.2.1')
  assert.match(problem(refused, 429, 'rate_limited').hint ?? '', /Try again in \d+ s/)
  assert.ok(Number(refused.headers['retry-after']) > 0 && Number(refused.headers['retry-after']) <= 30)
  assert.equal((await ask('/healthz', '', '192.0.2.1')).statusCode, 200)
  assert.equal((await ask('/api/v1/runs', TOKEN, '192.0.2.2')).statusCode, 200)
  assert.deepEqual(
    audit().map(({ code, address, method, path }) => [code, address, method, path]),
    [
      ['token_invalid', '192.0.2.1', 'GET', '/api/v1/runs'],
      ['token_missing', '192.0.2.1', 'GET', '/nothing'],
      ['rate_limited', '192.0.2.1', 'GET', '/api/v1/runs'],
    ],
  )
  for (const secret of [TOKEN, 'a-guess']) assert.ok(!lines.join('').includes(secret))
})

test('without a token no page from elsewhere changes anything, while programs and pages of this machine do', async t => {
  const { audit, logger } = journal()
  const { deps, send } = await harness(t, { logger })
  await addRun(deps.store, 'a')
  const stop = (origin?: string) =>
    send({ method: 'POST', url: '/api/v1/runs/a/stop', headers: { ...(origin !== undefined && { origin }) } })
  for (const origin of [
    'https://elsewhere.example',
    'http://localhost.example:8080',
    'http://127.0.0.1.example',
    'null',
    '',
  ])
    problem(await stop(origin), 403, 'origin_refused')
  assert.deepEqual(
    audit().map(({ code }) => code),
    Array(5).fill('origin_refused'),
  )
  assert.equal((await deps.store.run('a')).status, 'waiting')
  for (const origin of [undefined, 'http://localhost:3000', 'http://127.0.0.1:8080', 'http://[::1]:8080']) {
    await deps.store.updateRun('a', { status: 'waiting' })
    assert.equal((await stop(origin)).statusCode, 202, origin)
  }
})

test('no page from elsewhere reads an answer: there are no CORS headers, and a preflight is refused', async t => {
  const { app } = await harness(t)
  const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' }
  for (const method of ['GET', 'OPTIONS'] as const) {
    const response = await app.inject({ method, url: '/api/v1/runs', headers })
    assert.equal(response.statusCode, method === 'GET' ? 200 : 405)
    assert.deepEqual(
      Object.keys(response.headers).filter(name => name.startsWith('access-control')),
      [],
    )
  }
})
