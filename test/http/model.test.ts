import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { addRound, addRun } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

const URL = '/api/v1/runs/a/model'

test('the model is the file of the latest checkpoint, with its hash as ETag', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  await addRound(deps, 'a', 1)
  const { checkpoint } = await addRound(deps, 'a', 2)
  const response = await send(URL)
  assert.equal(response.statusCode, 200)
  assert.equal(response.body, 'model a 2')
  assert.equal(createHash('sha256').update(response.rawPayload).digest('hex'), checkpoint.sha256)
  assert.equal(response.headers.etag, `"${checkpoint.sha256}"`)
  assert.equal(response.headers['content-length'], '9')
  assert.equal(response.headers['content-disposition'], 'attachment; filename="a-round-2.safetensors"')

  const again = await send({ url: URL, headers: { 'if-none-match': `"${checkpoint.sha256}"` } })
  assert.deepEqual([again.statusCode, again.body], [304, ''])
  await addRound(deps, 'a', 3)
  const newer = await send({ url: URL, headers: { 'if-none-match': `"${checkpoint.sha256}"` } })
  assert.deepEqual([newer.statusCode, newer.body], [200, 'model a 3'])
})

test('HEAD tells size and hash without the file', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { checkpoint } = await addRound(deps, 'a', 1)
  const { statusCode, body, headers } = await send({ method: 'HEAD', url: URL })
  assert.deepEqual([statusCode, body, headers['content-length']], [200, '', '9'])
  assert.equal(headers.etag, `"${checkpoint.sha256}"`)
})

test('a run without a complete round has no model yet: a typed 404', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  assert.match(problem(await send(URL), 404, 'not_found').received ?? '', /no model of run a yet/)
})

test('a file that is gone or has another size is a typed error, never half a model', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { checkpoint } = await addRound(deps, 'a', 1)
  await writeFile(join(deps.folder, checkpoint.file), 'mod')
  assert.match(problem(await send(URL), 500, 'checkpoint_invalid').received ?? '', /3/)
  await rm(join(deps.folder, checkpoint.file))
  assert.match(problem(await send(URL), 500, 'checkpoint_invalid').expected ?? '', /a-1\.safetensors/)
})

test('a checkpoint that is pruned while it is looked up gives way to the next one', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { checkpoint } = await addRound(deps, 'a', 1)
  const { latestCheckpoint } = deps.store
  let calls = 0
  deps.store.latestCheckpoint = async id => {
    if (++calls > 1) return latestCheckpoint(id)
    await addRound(deps, id, 2)
    await rm(join(deps.folder, checkpoint.file))
    return checkpoint
  }
  const response = await send(URL)
  assert.deepEqual([response.statusCode, response.body, calls], [200, 'model a 2', 2])
  assert.notEqual(response.headers.etag, `"${checkpoint.sha256}"`)
})
