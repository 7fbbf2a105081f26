import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectRaw, heard, startGateway } from './harness.ts'

test('an address that tries wrong tokens waits, with the right one too; who has joined stays', async t => {
  const harness = await startGateway({}, 0, { wrongTokensPerMinute: 2 })
  t.after(() => harness.stop())
  const refusal = async (auth: object) => {
    const [error] = await heard(connectRaw(harness.url, { process: 'late', ...auth }), 'connect_error')
    return error.data.code
  }
  await harness.join('early')
  assert.equal(await refusal({ run: 'run-2' }), 'run_not_active') // no guess at a token
  assert.equal(await refusal({ token: 'a guess' }), 'token_invalid')
  assert.equal(await refusal({ token: '' }), 'token_missing')
  assert.equal(await refusal({ token: 'another' }), 'rate_limited')
  assert.equal(await refusal({}), 'rate_limited')
  harness.clock.advance(30_000)
  await harness.join('late')
  assert.deepEqual(harness.of('left'), [])
})
