import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRound, addRun, RUN_FILE } from '../helpers/memory-deps.ts'
import { harness, type Operation } from './harness.ts'

test('every route in OpenAPI is exercised here, and answers as OpenAPI says', async t => {
  const { deps, document, exercised, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  await deps.store.updateRun('a', { status: 'completed' })
  await addRun(deps.store, 'b')

  const expected: [method: 'GET' | 'HEAD' | 'POST', url: string, status: number, payload?: object][] = [
    ['POST', '/api/v1/runs', 201, RUN_FILE],
    ['GET', '/api/v1/runs', 200],
    ['GET', '/api/v1/comparison?runs=a,b', 200],
    ['GET', '/api/v1/runs/a', 200],
    ['GET', '/api/v1/runs/a/run-file', 200],
    ['POST', '/api/v1/runs/b/stop', 202],
    ['POST', '/api/v1/runs/b/resume', 200],
    ['POST', '/api/v1/runs/b/join-token', 200],
    ['GET', '/api/v1/runs/a/rounds', 200],
    ['GET', '/api/v1/runs/a/rounds/1', 200],
    ['GET', '/api/v1/runs/a/rounds/1/updates', 200],
    ['GET', '/api/v1/runs/a/rounds/1/models', 200],
    ['GET', '/api/v1/runs/a/rounds/1/models/0', 200],
    ['GET', '/api/v1/runs/a/metrics', 200],
    ['GET', '/api/v1/runs/a/barriers', 200],
    ['POST', '/api/v1/runs/a/probes', 202, { rounds: 1 }],
    ['GET', '/api/v1/runs/a/probes', 200],
    ['GET', '/api/v1/runs/a/probes/1', 200],
    ['POST', '/api/v1/runs/a/probes/1/cancel', 200],
    ['GET', '/api/v1/runs/a/barriers/matrix', 200],
    ['GET', '/api/v1/runs/a/figures/barriers.svg', 200],
    ['GET', '/api/v1/runs/a/figures/interpolation.svg', 200],
    ['GET', '/api/v1/runs/a/figures/cumulative.svg', 404], // nobody measured them
    ['GET', '/api/v1/runs/a/figures/accuracy.svg?with=b', 200],
    ['GET', '/api/v1/runs/a/clients', 200],
    ['GET', '/api/v1/runs/a/model', 200],
    ['HEAD', '/api/v1/runs/a/model', 200],
    ['GET', '/api/v1/runs/a/events', 200],
    ['GET', '/api/v1/strategies', 200],
    ['GET', '/api/v1/models', 200],
    ['GET', '/api/v1/datasets', 200],
    ['GET', '/api/v1/engines', 200],
    ['GET', '/healthz', 200],
    ['GET', '/readyz', 200],
    ['GET', '/metrics', 200],
  ]
  for (const [method, url, status, payload] of expected) {
    const response = await send({ method, url, ...(payload && { payload }) })
    assert.equal(response.statusCode, status, `${method} ${url}: ${response.body}`)
  }
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual([...exercised].sort(), described.sort())
})

test('the document is sound OpenAPI 3.1: references resolve, ids are unique, path parameters are declared', async t => {
  const { document } = await harness(t)
  assert.match(document.openapi, /^3\.1\./)
  assert.deepEqual([document.info.title, document.info.version], ['FedStrata', '1.2.3'])

  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(match => match[1] ?? '')
  assert.ok(references.length > 20)
  for (const reference of references) {
    const name = /^#\/components\/schemas\/([^/]+)$/.exec(reference)?.[1] ?? reference
    assert.ok(name in document.components.schemas, `${reference} leads nowhere`)
  }
  for (const name of Object.keys(document.components.schemas))
    assert.ok(references.includes(`#/components/schemas/${name}`), `nothing refers to ${name}`)

  const operations = operationsOf(document.paths)
  const ids = operations.map(([, , { operationId }]) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  for (const [path, method, { operationId, responses, parameters = [] }] of operations) {
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1])
    const declared = parameters.filter(parameter => parameter.in === 'path').map(parameter => parameter.name)
    assert.deepEqual(declared, placeholders, operationId)
    const statuses = Object.keys(responses).map(Number)
    assert.ok(statuses.some(status => status < 300) && statuses.includes(500), operationId)
    assert.equal(statuses.includes(404), placeholders.length > 0 || path.endsWith('/comparison'), operationId)
    assert.equal(statuses.includes(415), /^create/.test(operationId), operationId)
    for (const [status, { content = {} }] of Object.entries(responses))
      if (Number(status) >= 400) assert.deepEqual(Object.keys(content), ['application/problem+json'])
    assert.ok(['get', 'post', 'head'].includes(method))
  }
})

test('every list has a cursor and a limit, and answers items and nextCursor', async t => {
  const { document } = await harness(t)
  const lists = operationsOf(document.paths).filter(([path]) =>
    /\/(runs|rounds|updates|metrics|barriers|probes|clients|\{round\}\/models)$/.test(path),
  )
  const names = lists
    .filter(([, method]) => method === 'get')
    .map(([path, , { parameters = [] }]) => {
      const query = parameters.filter(parameter => parameter.in === 'query').map(parameter => parameter.name)
      if (path !== '/metrics') assert.ok(query.includes('cursor') && query.includes('limit'), path)
      return path
    })
  assert.equal(names.length, 9)
})

test('the body of POST /runs is the schema of a run file when the catalog has one, as JSON and as YAML', async t => {
  const { deps } = await harness(t)
  const runFileSchema = { type: 'object', required: ['seed'], properties: { seed: { type: 'integer' } } }
  const { document } = await harness(t, { catalog: { ...deps.catalog, runFileSchema: () => runFileSchema } })
  const content = document.paths['/api/v1/runs']?.['post']?.requestBody?.content
  assert.deepEqual(content, {
    'application/json': { schema: runFileSchema },
    'application/yaml': { schema: runFileSchema },
  })
})

test('a token is told of: everywhere but on the health checks', async t => {
  const open = (await harness(t)).document
  assert.equal(open.security, undefined)
  const { document } = await harness(t, { token: 'secret' })
  assert.deepEqual(document.security, [{ bearer: [] }])
  for (const [path, , { security, responses }] of operationsOf(document.paths)) {
    const isOpen = path === '/healthz' || path === '/readyz'
    assert.deepEqual(security, isOpen ? [] : undefined, path)
    assert.equal('401' in responses, !isOpen, path)
  }
})

test('/openapi.json serves the document, and /docs a page that may only load what is here', async t => {
  const { app, document } = await harness(t)
  const served = await app.inject('/openapi.json')
  assert.match(String(served.headers['content-type']), /^application\/json/)
  assert.deepEqual(served.json(), document)

  const page = await app.inject('/docs')
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /script-src 'self';/)
  assert.doesNotMatch(policy, /upgrade-insecure-requests|https:/) // it is plain HTTP, and stays so
  const loads = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(match => match[1] ?? '')
  assert.ok(loads.length >= 4)
  assert.doesNotMatch(page.body, /<script>[^<]/) // the policy would not run it
  for (const load of loads) {
    const { statusCode } = await app.inject(new URL(load, 'http://x/docs').pathname)
    assert.equal(statusCode, 200, load)
  }
})

function operationsOf(paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [path, method, operation] as const),
  )
}
