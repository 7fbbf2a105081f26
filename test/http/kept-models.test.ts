import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { addRound, addRun } from '../helpers/memory-deps.ts'
import { harness, problem } from './harness.ts'

const URL = '/api/v1/runs/a/rounds/1/models'

test('the kept models of a round are listed with their hashes, and no path of the server', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { models } = await addRound(deps, 'a', 1)
  await addRound(deps, 'a', 2)
  const [global, client] = models.map(({ file: _, ...shown }) => shown)
  assert.deepEqual((await send(URL)).json(), { items: [global, client], nextCursor: null })
  const first = (await send(`${URL}?limit=1`)).json<{ items: unknown[]; nextCursor: string }>()
  assert.deepEqual(first.items, [global])
  assert.deepEqual((await send(`${URL}?limit=1&cursor=${first.nextCursor}`)).json().items, [client])
})

test('each is served as it lies on the disk, for good, with its hash as ETag', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { models } = await addRound(deps, 'a', 1)
  for (const [name, content] of [
    ['global', 'global of a 1'],
    ['0', '0 of a 1'],
  ] as const) {
    const response = await send(`${URL}/${name}`)
    assert.deepEqual([response.statusCode, response.body], [200, content])
    const { sha256 } = models[name === 'global' ? 0 : 1]!
    assert.equal(response.headers.etag, `"${sha256}"`)
    assert.match(String(response.headers['cache-control']), /immutable/)
    const again = await send({ url: `${URL}/${name}`, headers: { 'if-none-match': `"${sha256}"` } })
    assert.deepEqual([again.statusCode, again.body], [304, ''])
  }
})

test('what is not there is a typed error that says how to keep it', async t => {
  const { deps, send } = await harness(t)
  await addRun(deps.store, 'a')
  const { models } = await addRound(deps, 'a', 1)
  assert.match(problem(await send(`${URL}/5`), 404, 'not_found').hint ?? '', /keepModels/)
  problem(await send('/api/v1/runs/a/rounds/2/models'), 404, 'round_not_found')
  problem(await send('/api/v1/runs/b/rounds/1/models/0'), 404, 'run_not_found')
  problem(await send(`${URL}/00`), 404, 'not_found')
  await rm(join(deps.folder, models[1]!.file))
  assert.match(problem(await send(`${URL}/0`), 500, 'checkpoint_invalid').hint ?? '', /moved/)
})
