import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addRound, addRun, barrierRecords } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

const URL = '/api/v1/runs/a/probes'

test('a probe is asked for, looked at and cancelled; what has ended cannot be cancelled', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const created = await send({ method: 'POST', url: URL, payload: { rounds: '1-3' } })
  assert.deepEqual([created.statusCode, created.headers.location], [202, `${URL}/1`])
  assert.deepEqual(created.json(), await deps.store.probe('a', 1))
  assert.equal(created.json().status, 'queued')
  await deps.store.updateProbe('a', 1, { status: 'running', done: 3 })
  assert.equal((await send(`${URL}/1`)).json().done, 3)
  const cancelled = await send({ method: 'POST', url: `${URL}/1/cancel` })
  assert.equal(cancelled.json().status, 'cancelled')
  problem(await send({ method: 'POST', url: `${URL}/1/cancel` }), 409, 'probe_not_active')
  problem(await send(`${URL}/2`), 404, 'probe_not_found')
  problem(await send(`${URL}/0`), 400, 'input_invalid')
})

test('the body may be YAML, or be missing; what the run did not keep is 422', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const headers = { 'content-type': 'application/yaml' }
  const yaml = await send({ method: 'POST', url: URL, headers, payload: 'rounds: [1, 2]\npaths: [full]' })
  assert.deepEqual(yaml.json().request, { rounds: [1, 2], paths: ['full'] })
  assert.equal((await send({ method: 'POST', url: URL })).statusCode, 202)
  problem(await send({ method: 'POST', url: URL, payload: { rounds: 9 } }), 422, 'probe_models_missing')
  const listed = (await send(`${URL}?limit=1`)).json()
  assert.deepEqual([listed.items.length, listed.items[0].probe], [1, 1])
  const next = (await send(`${URL}?limit=1&cursor=${listed.nextCursor}`)).json()
  assert.deepEqual([next.items[0].probe, next.nextCursor], [2, null])
})

test('the rows of a probe are among the barriers of its run, and can be had alone', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  await deps.store.createProbe('a', { request: {}, total: 1 })
  await deps.store.addBarriers('a', 1, [barrierRecords(1)[0]!])
  const all = (await send('/api/v1/runs/a/barriers')).json().items
  assert.deepEqual(
    all.map(({ probe }: { probe?: number }) => probe),
    [undefined, undefined, 1],
  )
  assert.deepEqual((await send('/api/v1/runs/a/barriers?probe=1')).json().items, [all[2]])
})
