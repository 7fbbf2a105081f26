import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRun, RUN_FILE } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

test('a run file opens a run: 201, its place, and the join token, which nobody may keep', async t => {
  const { deps, send } = await harness(t)
  const response = await send({ method: 'POST', url: '/api/v1/runs', payload: RUN_FILE })
  assert.equal(response.statusCode, 201)
  const { run, joinToken } = response.json()
  assert.equal(response.headers.location, `/api/v1/runs/${run.id}`)
  assert.equal(response.headers['cache-control'], 'no-store')
  assert.equal(joinToken, 'join-token')
  assert.deepEqual((await send(`/api/v1/runs/${run.id}`)).json(), await deps.store.run(run.id))
})

test('a run file may come as YAML, as it lies on disk', async t => {
  const { send } = await harness(t)
  const headers = { 'content-type': 'application/yaml' }
  const payload = '# comment\nname: yaml\nseed: 1\nrounds: 3\n'
  assert.equal((await send({ method: 'POST', url: '/api/v1/runs', headers, payload })).statusCode, 201)
  const broken = await send({ method: 'POST', url: '/api/v1/runs', headers, payload: 'a: [1' })
  assert.match(problem(broken, 400, 'input_invalid').expected ?? '', /YAML/)
  const twice = await send({ method: 'POST', url: '/api/v1/runs', headers, payload: 'seed: 1\nseed: 2' })
  assert.match(problem(twice, 400, 'input_invalid').received ?? '', /unique/)
})

test('a run file that cannot be run is 422 with an issue for each key; one that is no object is 400', async t => {
  const { send } = await harness(t)
  const missing = problem(await send({ method: 'POST', url: '/api/v1/runs', payload: {} }), 422, 'run_file_invalid')
  assert.deepEqual(missing.issues, [{ path: 'seed', message: 'is missing: expected number' }])
  for (const payload of ['[1]', '"text"', 'null', '']) {
    const headers = { 'content-type': 'application/json' }
    const { issues } = problem(
      await send({ method: 'POST', url: '/api/v1/runs', headers, payload }),
      400,
      'input_invalid',
    )
    assert.match(issues?.[0]?.message ?? '', /expected (a )?record/, payload)
  }
})

test('runs are listed newest first, in pages that the Link header chains, and by status', async t => {
  const { deps, send } = await harness(t)
  for (const id of ['a', 'b', 'c', 'd', 'e']) await addRun(deps.store, id)
  await deps.store.updateRun('c', { status: 'running' })
  const seen: string[][] = []
  for (let url: string | undefined = '/api/v1/runs?limit=2'; url !== undefined; ) {
    const response = await send(url)
    const { items, nextCursor } = response.json()
    seen.push(items.map((run: { id: string }) => run.id))
    const next = /^<([^>]+)>; rel="next"$/.exec(String(response.headers.link ?? ''))?.[1]
    assert.equal(next !== undefined, nextCursor !== null)
    if (next) assert.equal(new URL(next, 'http://x').searchParams.get('cursor'), nextCursor)
    url = next
  }
  assert.deepEqual(seen, [['e', 'd'], ['c', 'b'], ['a']])
  const running = (await send('/api/v1/runs?status=running')).json().items
  assert.deepEqual(
    running.map((run: { id: string }) => run.id),
    ['c'],
  )
})

test('a run shows its run file; an unknown run is run_not_found on every path below it', async t => {
  const { deps, document, send } = await harness(t)
  await addRun(deps.store, 'a')
  assert.deepEqual((await send('/api/v1/runs/a/run-file')).json(), RUN_FILE)

  const below = Object.entries(document.paths).filter(([path]) => path.includes('{id}'))
  assert.ok(below.length >= 10)
  for (const [path, methods] of below)
    for (const method of Object.keys(methods).filter(name => name !== 'head')) {
      const url = path.replace('{id}', 'nobody').replace(/\{\w+\}/g, '1')
      const body = problem(await send({ method: method.toUpperCase() as 'GET', url }), 404, 'run_not_found')
      assert.equal(body.instance, url)
    }
})

test('the join token of an active run is renewed, which may disconnect who holds the one before', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const renew = (query = '') => send({ method: 'POST', url: `/api/v1/runs/a/join-token${query}` })
  const renewed = await renew()
  assert.equal(renewed.statusCode, 200)
  assert.equal(renewed.headers['cache-control'], 'no-store')
  const { joinToken, joinTokenExpiresAt } = renewed.json()
  assert.deepEqual([joinToken, joinTokenExpiresAt], ['third-token', '2026-01-02T00:00:00.000Z'])
  assert.equal((await renew('?connected=keep')).json().joinToken, 'third-token')
  assert.equal((await renew('?connected=drop')).json().joinToken, 'token-after-drop')
  problem(await renew('?connected=maybe'), 400, 'input_invalid')
  await deps.store.updateRun('a', { status: 'stopped' })
  problem(await renew(), 409, 'run_not_active')
})

test('a run can be stopped once and resumed; what its state does not allow is 409', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const stop = () => send({ method: 'POST', url: '/api/v1/runs/a/stop' })
  const stopped = await stop()
  assert.deepEqual([stopped.statusCode, stopped.json().status], [202, 'stopped'])
  problem(await stop(), 409, 'run_not_active')

  // some clients send a type with no body
  const headers = { 'content-type': 'application/json' }
  const resumed = await send({ method: 'POST', url: '/api/v1/runs/a/resume', headers })
  assert.deepEqual([resumed.statusCode, resumed.json().joinToken], [200, 'second-token'])
  assert.equal(resumed.headers['cache-control'], 'no-store')
  await deps.store.updateRun('a', { status: 'completed' })
  problem(await send({ method: 'POST', url: '/api/v1/runs/a/resume' }), 409, 'run_not_resumable')
})
