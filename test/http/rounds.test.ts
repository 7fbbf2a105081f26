import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRound, addRun, roundRecord } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

test('rounds are served as they were stored, bit for bit', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const commits = [await addRound(deps, 'a', 1), await addRound(deps, 'a', 2)]
  const { items, nextCursor } = (await send('/api/v1/runs/a/rounds')).json()
  assert.deepEqual([items, nextCursor], [[roundRecord(1), roundRecord(2)], null])
  assert.deepEqual((await send('/api/v1/runs/a/rounds/2')).json(), roundRecord(2))
  assert.deepEqual((await send('/api/v1/runs/a/rounds/1/updates')).json().items, commits[0]?.updates)
})

test('a finished round has a strong ETag: who still has it is told so, without a body', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  await addRound(deps, 'a', 2)
  for (const url of ['/api/v1/runs/a/rounds/1', '/api/v1/runs/a/rounds/1/updates']) {
    const first = await send(url)
    const etag = String(first.headers.etag)
    assert.match(etag, /^"[\w-]{43}"$/)
    assert.match(String(first.headers['cache-control']), /private.*immutable/)
    assert.equal((await send(url)).headers.etag, etag)
    for (const known of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
      const again = await send({ url, headers: { 'if-none-match': known } })
      assert.deepEqual([again.statusCode, again.body, again.headers.etag], [304, '', etag], known)
    }
    const changed = await send({ url, headers: { 'if-none-match': '"other"' } })
    assert.deepEqual([changed.statusCode, changed.body], [200, first.body])
    assert.notEqual((await send(url.replace('/1', '/2'))).headers.etag, etag)
  }
})

test('HEAD answers as GET does, without the body', async t => {
  const { app, deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const got = await send('/api/v1/runs/a/rounds/1')
  const head = await app.inject({ method: 'HEAD', url: '/api/v1/runs/a/rounds/1' })
  assert.deepEqual([head.statusCode, head.body, head.headers.etag], [200, '', got.headers.etag])
  assert.equal(head.headers['content-length'], got.headers['content-length'])
})

test('a round that is not there is round_not_found, for its updates too; one that is no number is 400', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  for (const path of ['rounds/7', 'rounds/7/updates']) {
    const response = await send(`/api/v1/runs/a/${path}`)
    problem(response, 404, 'round_not_found')
    assert.equal(response.headers.etag, undefined)
    assert.equal(response.headers['cache-control'], 'no-store')
  }
  for (const round of ['one', '-1', '1.0', '1e0', '0x1', '%20', '99999999999999999999']) {
    const { issues } = problem(await send(`/api/v1/runs/a/rounds/${round}`), 400, 'input_invalid')
    assert.deepEqual(
      issues?.map(issue => issue.path),
      ['round'],
      round,
    )
  }
})
