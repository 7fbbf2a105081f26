import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { pino } from 'pino'
import { trustedProxies } from '../../src/main/trusted-proxies.ts'
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

const PAGE = 'https://fed.example'

test('pages of an origin that is listed read answers, refusals too, and their preflight needs no token; others do not', async t => {
  const { app } = await harness(t, { token: TOKEN, allowOrigins: [PAGE, 'http://localhost:3000'] })
  const bearer = { authorization: `Bearer ${TOKEN}` }
  const allowed = async (origin: string, headers: object, method: 'GET' | 'OPTIONS' = 'GET') => {
    const response = await app.inject({ method, url: '/api/v1/runs', headers: { origin, ...headers } })
    return [response.statusCode, response.headers['access-control-allow-origin']]
  }
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
  assert.deepEqual(await allowed(PAGE, bearer), [200, PAGE])
  assert.deepEqual(await allowed(PAGE, {}), [401, PAGE])
  assert.deepEqual(await allowed(PAGE, preflight, 'OPTIONS'), [204, PAGE])
  for (const origin of [`${PAGE}.evil.example`, 'https://evil.example', 'http://fed.example', 'null'])
    for (const [headers, method] of [
      [bearer, 'GET'],
      [preflight, 'OPTIONS'],
    ] as const)
      assert.equal((await allowed(origin, headers, method))[1], undefined, origin)
  const { headers } = await app.inject({ url: '/api/v1/runs', headers: { origin: PAGE, ...bearer } })
  assert.match(String(headers['vary']), /origin/i)
  assert.equal(headers['access-control-allow-credentials'], undefined)
  const answer = await app.inject({ method: 'OPTIONS', url: '/api/v1/runs', headers: { origin: PAGE, ...preflight } })
  assert.deepEqual(
    [answer.headers['access-control-allow-methods'], answer.headers['access-control-allow-headers']],
    ['GET, HEAD, POST', 'authorization, content-type, if-none-match, last-event-id'],
  )
})

test('without a token a page that is listed changes something too', async t => {
  const { deps, app } = await harness(t, { allowOrigins: [PAGE] })
  await addRun(deps.store, 'a')
  const stop = (origin: string) => app.inject({ method: 'POST', url: '/api/v1/runs/a/stop', headers: { origin } })
  assert.equal((await stop(PAGE)).statusCode, 202)
  problem(await stop('https://evil.example'), 403, 'origin_refused')
})

test('without a token nothing is told to who asks for another name, as a page does whose name was made to lead here', async t => {
  const { audit, logger } = journal()
  const { send } = await harness(t, { logger, allowOrigins: [PAGE] })
  for (const host of [
    'evil.example',
    'evil.example:8080',
    '192.0.2.1:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ])
    problem(await send({ url: '/api/v1/runs', headers: { host } }), 421, 'host_refused')
  assert.equal(audit().length, 5)
  for (const host of [
    'localhost',
    'localhost:8080',
    '127.0.0.1:8080',
    '127.0.0.2',
    '[::1]:8080',
    'a.localhost',
    'fed.example',
  ])
    assert.equal((await send({ url: '/api/v1/runs', headers: { host } })).statusCode, 200, host)
  const open = await harness(t, { token: TOKEN })
  const headers = { host: 'fed.example', authorization: `Bearer ${TOKEN}` }
  assert.equal((await open.send({ url: '/api/v1/runs', headers })).statusCode, 200)
})

test('behind a proxy that is trusted rates are counted by who asks, and nobody else’s word is taken for it', async t => {
  const trustProxy = trustedProxies(['10.0.0.0/8'])
  const { audit, logger } = journal()
  const { app } = await harness(t, { token: TOKEN, requestsPerMinute: 1, trustProxy, logger })
  const ask = async (remoteAddress: string, forwarded?: string) => {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }),
    }
    return (await app.inject({ url: '/api/v1/runs', headers, remoteAddress })).statusCode
  }
  assert.deepEqual([await ask('10.0.0.1', '192.0.2.1'), await ask('10.0.0.1', '192.0.2.2')], [200, 200])
  assert.equal(await ask('10.0.0.1', '192.0.2.1'), 429)
  // What stands before the last address that is no proxy's, anybody could have written.
  assert.equal(await ask('10.0.0.2', '203.0.113.9, 192.0.2.2, 10.0.0.7'), 429)
  assert.equal(await ask('192.0.2.1', '203.0.113.10'), 429)
  assert.deepEqual(
    audit().map(({ address }) => address),
    ['192.0.2.1', '192.0.2.2', '192.0.2.1'],
  )
})
