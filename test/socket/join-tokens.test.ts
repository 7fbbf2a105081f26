import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { small } from '../protocol/layouts.ts'
import { connectRaw, type Harness, hashOf, heard, RUN, startGateway, TOKEN } from './harness.ts'

const HOUR = 3_600_000

let harness: Harness
beforeEach(async () => {
  harness = await startGateway({ layout: small, token: { hash: hashOf(TOKEN), expiresAt: HOUR } })
})
afterEach(() => harness.stop())

async function refusal(auth: object): Promise<{ readonly code: string; readonly hint: string }> {
  const [error] = await heard(connectRaw(harness.url, { process: 'late', ...auth }), 'connect_error')
  return error.data
}

test('a token opens until it expires, to the millisecond; who has joined by then stays', async () => {
  const { socket } = await harness.join('early')
  harness.clock.advance(HOUR - 1)
  const { socket: last } = await harness.join('last')
  harness.clock.advance(1)
  const { code, hint } = await refusal({})
  assert.equal(code, 'token_expired')
  assert.match(hint, /join-token/)
  assert.equal((await refusal({ token: 'a guess' })).code, 'token_invalid') // learns nothing about expiry
  for (const inside of [socket, last]) assert.equal((await inside.emitWithAck('run:join')).ok, true)
  assert.deepEqual(harness.of('left'), [])
})

test('a renewed token opens, those before are token_revoked, and who has joined stays', async () => {
  const { socket } = await harness.join('p1')
  harness.gateway.renewToken(RUN, { hash: hashOf('second') }, { drop: false })
  harness.gateway.renewToken(RUN, { hash: hashOf('third') }, { drop: false })
  for (const token of [TOKEN, 'second']) {
    const { code, hint } = await refusal({ token })
    assert.equal(code, 'token_revoked')
    assert.match(hint, /join-token/)
  }
  assert.equal((await refusal({ token: 'fourth' })).code, 'token_invalid')
  harness.clock.advance(2 * HOUR) // the expiry of the first is not that of the third
  await harness.join('p2', { token: 'third' })
  assert.equal((await socket.emitWithAck('run:join')).ok, true)
  assert.deepEqual(harness.of('left'), [])
})

test('a renewal that drops disconnects everybody, and only the new token lets them in again', async () => {
  const joined = await Promise.all(['p1', 'p2'].map(process => harness.join(process)))
  const gone = joined.map(({ socket }) => heard(socket, 'disconnect'))
  harness.gateway.renewToken(RUN, { hash: hashOf('second') }, { drop: true })
  for (const [reason] of await Promise.all(gone)) assert.equal(reason, 'io server disconnect')
  await harness.until('left', 2)
  assert.equal((await refusal({ process: 'p1' })).code, 'token_revoked')
  await harness.join('p1', { token: 'second' })
})

test('a connection that was let in but had not joined when its token was revoked does not join', async () => {
  const socket = connectRaw(harness.url, { process: 'p1' })
  await heard(socket, 'connect')
  harness.gateway.renewToken(RUN, { hash: hashOf('second') }, { drop: false })
  const ack = await socket.emitWithAck('run:join')
  assert.deepEqual([ack.ok, ack.error.code], [false, 'token_revoked'])
  assert.deepEqual(harness.told, [])
  socket.disconnect()
})

test('a hundred revoked tokens are remembered, the oldest beyond them are merely wrong', async () => {
  for (let i = 0; i < 100; i++) harness.gateway.renewToken(RUN, { hash: hashOf(`token ${i}`) }, { drop: false })
  assert.equal((await refusal({})).code, 'token_revoked')
  harness.gateway.renewToken(RUN, { hash: hashOf('one more') }, { drop: false })
  assert.equal((await refusal({})).code, 'token_invalid')
})

test('a run that is not open has no token to renew', () => {
  assert.throws(() => harness.gateway.renewToken('run-2', { hash: hashOf('x') }, { drop: false }), {
    code: 'run_not_active',
  })
})
