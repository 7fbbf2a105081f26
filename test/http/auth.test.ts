import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRun, RUN_FILE } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

const TOKEN = 'correct horse'.replace(' ', '-')

test('with a token every route but the health checks asks for it, unknown paths and documents included', async t => {
  const { app, document, send } = await harness(t, { token: TOKEN })
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => ({ method: method.toUpperCase() as 'GET', url: path.replace(/[{}]/g, '') })),
  )
  assert.ok(routes.length > 20)
  for (const { method, url } of routes) {
    const { statusCode } = await send({ method, url })
    assert.equal(statusCode, ['/healthz', '/readyz'].includes(url) ? 200 : 401, url)
  }
  for (const url of ['/docs', '/docs/static/index.html', '/docs/json', '/openapi.json', '/nothing', '/healthz/x']) {
    const response = await app.inject(url)
    problem(response, 401, 'token_missing')
    assert.equal(response.headers['www-authenticate'], 'Bearer realm="fedstrata"')
    assert.equal(response.headers['x-content-type-options'], 'nosniff') // a refusal is as careful as an answer
  }
})

test('the right token opens, a wrong one is token_invalid, and another scheme is none', async t => {
  const { deps, send } = await harness(t, { token: TOKEN })
  await addRun(deps.store, 'a')
  const ask = (authorization: string) => send({ url: '/api/v1/runs/a', headers: { authorization } })
  for (const right of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER  ${TOKEN} `])
    assert.equal((await ask(right)).statusCode, 200, right)
  for (const wrong of ['x', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()]) {
    const response = await ask(`Bearer ${wrong}`)
    problem(response, 401, 'token_invalid')
    assert.match(String(response.headers['www-authenticate']), /error="invalid_token"/)
    assert.doesNotMatch(response.body, new RegExp(TOKEN))
  }
  for (const none of ['', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} ${TOKEN}`])
    problem(await ask(none), 401, 'token_missing')
})

test('without the token nothing is done: the body is not even read', async t => {
  const { deps, send } = await harness(t, { token: TOKEN })
  const headers = { 'content-type': 'application/json' }
  for (const payload of [JSON.stringify(RUN_FILE), '{broken'])
    problem(await send({ method: 'POST', url: '/api/v1/runs', headers, payload }), 401, 'token_missing')
  assert.deepEqual((await deps.store.runs({ limit: 10 })).items, [])
})

test('without a token configured no header is asked for', async t => {
  const { send } = await harness(t)
  assert.equal((await send('/api/v1/runs')).statusCode, 200)
})
