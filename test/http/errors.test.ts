import assert from 'node:assert/strict'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import pino from 'pino'
import { ERROR_CODES } from '../../src/core/error-codes.ts'
import { problemSchema } from '../../src/server/http/problem.ts'
import { addRun } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

test('every error code has an HTTP status, 4xx or 5xx', () => {
  for (const [code, { status }] of Object.entries(ERROR_CODES)) assert.ok(status >= 400 && status < 600, code)
})

test('an unknown path is 404, a wrong method on a known path is 405 with what is allowed', async t => {
  const { app } = await harness(t)
  const unknown = problem(await app.inject('/api/v1/nothing?here'), 404, 'not_found')
  assert.equal(unknown.instance, '/api/v1/nothing?here')
  assert.match(unknown.hint ?? '', /openapi\.json/)
  problem(await app.inject('/'), 404, 'not_found')
  problem(await app.inject('/api/v1/runs/a/'), 404, 'not_found')

  const wrong = await app.inject({ method: 'DELETE', url: '/api/v1/runs/a?x=1' })
  const { received, expected } = problem(wrong, 405, 'method_not_allowed')
  assert.deepEqual([received, expected, wrong.headers.allow], ['DELETE', 'one of GET, HEAD', 'GET, HEAD'])
  problem(await app.inject({ method: 'GET', url: '/api/v1/runs/a/stop' }), 405, 'method_not_allowed')
})

test('an unknown query key is refused with the nearest name, on every route', async t => {
  const { deps, document, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { issues } = problem(await send('/api/v1/runs/a/metrics?kee=x&limt=5'), 400, 'input_invalid')
  assert.deepEqual(
    issues?.map(issue => issue.path),
    ['kee', 'limt'],
  )
  assert.match(issues?.[0]?.message ?? '', /Did you mean "key"/)
  assert.match(issues?.[1]?.message ?? '', /Did you mean "limit"/)
  for (const [path, methods] of Object.entries(document.paths))
    for (const method of Object.keys(methods).filter(name => name !== 'head')) {
      const url = `${path.replace('{id}', 'a').replace(/\{\w+\}/g, '1')}?${path.endsWith('/comparison') ? 'runs=a&' : ''}unheard=1`
      const body = method === 'post' && path.endsWith('/runs') ? { payload: { seed: 1 } } : {}
      const refused = problem(await send({ method: method.toUpperCase() as 'GET', url, ...body }), 400, 'input_invalid')
      assert.deepEqual(
        refused.issues?.map(issue => issue.path),
        ['unheard'],
        path,
      )
    }
})

test('each wrong query value is told with what was expected and what came', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const cases: [query: string, path: string, message: RegExp][] = [
    ['limit=0', 'limit', />=1.*got 0/],
    ['limit=1001', 'limit', /<=1000.*got 1001/],
    ['limit=', 'limit', /expected .*number.*got ""/],
    ['limit=ten', 'limit', /expected .*number.*got "ten"/],
    ['limit=1&limit=2', 'limit', /expected .*number.*got \["1","2"\]/],
    ['split=tets', 'split', /train, test.*got "tets".*Did you mean "test"/],
    ['client=-1', 'client', /got "-1"/],
    ['client=3000000000', 'client', /<=2147483647/],
    ['from=5&to=3', 'to', /from 5 to 3/],
    ['key=%00', 'key', /control characters/],
    ['key=', 'key', /expected/],
  ]
  for (const [query, path, message] of cases) {
    const { issues } = problem(await send(`/api/v1/runs/a/metrics?${query}`), 400, 'input_invalid')
    assert.deepEqual(
      issues?.map(issue => issue.path),
      [path],
      query,
    )
    assert.match(issues?.[0]?.message ?? '', message, query)
  }
  const { expected } = problem(await send('/api/v1/runs/a/metrics?cursor=x'), 400, 'input_invalid')
  assert.match(expected ?? '', /cursor/)
})

test('malformed JSON, poisoned keys, a body too large and a type nobody reads each have their problem', async t => {
  const { send } = await harness(t)
  const post = (payload: string, type?: string) =>
    send({ method: 'POST', url: '/api/v1/runs', payload, headers: type ? { 'content-type': type } : {} })
  for (const broken of ['{"seed": 1', '{"__proto__": {"x": 1}}', '{"constructor": {"prototype": {}}}']) {
    const { expected, received } = problem(await post(broken, 'application/json'), 400, 'input_invalid')
    assert.equal(expected, 'a body in JSON', broken)
    assert.match(received!, /^one that cannot be read \(.*[^.:]\)$/)
  }
  const large = problem(
    await post(JSON.stringify({ text: 'x'.repeat(1 << 20) }), 'application/json'),
    413,
    'message_too_large',
  )
  assert.deepEqual([large.expected, large.received], ['a body of at most 1048576 bytes', '1048587 bytes'])
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']) {
    const { expected, received } = problem(await post('{"seed": 1}', type), 415, 'media_type_unsupported')
    assert.deepEqual([expected, received], ['content-type application/json or application/yaml', type])
  }
})

test('an unexpected error is 500 without its message, which is in the log under the id of the request', async t => {
  const lines: string[] = []
  const logger = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const { deps, send } = await harness(t, { logger })
  deps.store.runs = async () => {
    throw new Error('password=hunter2 at /etc/secret')
  }
  const response = await send('/api/v1/runs')
  const { hint } = problem(response, 500, 'internal')
  assert.doesNotMatch(response.body, /hunter2|secret|stack|\.ts/)
  assert.ok(hint?.includes(String(response.headers['x-request-id'])))
  const logged = lines.map(line => JSON.parse(line)).find(line => line.err)
  assert.equal(logged.reqId, response.headers['x-request-id'])
  assert.match(logged.err.message, /hunter2/)
})

test('a row that does not fit its schema is the server’s fault, not sent half', async t => {
  const { deps, send } = await harness(t)
  const run = await addRun(deps.store, 'a')
  deps.store.run = async () => ({ ...run, rounds: -1 })
  problem(await send('/api/v1/runs/a'), 500, 'internal')
})

test('a thrown value that is no error is answered all the same', async t => {
  const { deps, send } = await harness(t)
  for (const thrown of ['text', null, undefined, 7]) {
    deps.store.runs = () => Promise.reject(thrown)
    problem(await send('/api/v1/runs'), 500, 'internal')
  }
})

test('URLs that cannot be decoded and what is no HTTP at all are problems too', async t => {
  const { app } = await harness(t)
  problem(await app.inject('/api/v1/runs/%E0%A4%A'), 400, 'input_invalid')
  problem(await app.inject(`/api/v1/runs/${'x'.repeat(200)}`), 414, 'input_invalid')

  await app.listen({ host: '127.0.0.1', port: 0 })
  const cases: [request: string, status: number][] = [
    ['nonsense\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ]
  for (const [request, status] of cases) {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.end(request)
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} .*content-type: application/problem\\+json`, 's'))
    assert.equal(problemSchema.parse(JSON.parse(body)).status, status)
  }
})

test('answers carry headers that make browsers careful, and allow no foreign page to read them', async t => {
  const { app } = await harness(t)
  for (const url of ['/api/v1/runs', '/nothing', '/healthz']) {
    const { headers } = await app.inject({ url, headers: { origin: 'https://elsewhere.example' } })
    assert.equal(headers['x-content-type-options'], 'nosniff', url)
    assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
  }
})
