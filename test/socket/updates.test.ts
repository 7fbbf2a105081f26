import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Socket } from 'socket.io-client'
import { FedError } from '../../src/core/errors.ts'
import { layoutOf } from '../../src/core/layout.ts'
import { silent } from '../../src/protocol/log.ts'
import { createInvitations } from '../../src/server/socket/invitations.ts'
import { openRun } from '../../src/server/socket/run.ts'
import { createTurns } from '../../src/server/socket/turns.ts'
import { createUploads, type Uploads } from '../../src/server/socket/uploads.ts'
import { crc32 } from '../oracle/crc32.ts'
import { counting, large, small } from '../protocol/layouts.ts'
import { manualClock } from '../protocol/manual-clock.ts'
import { accepting, type Harness, headerOf, heard, sendUpdate, startGateway } from './harness.ts'

// fc1 = 299 · 1000 + 1000 = 300,000 values, 1,200,000 bytes: two chunks.
const layout = large
const values = counting(layout.size, 0.5)
const chunks = [Buffer.from(values.buffer).subarray(0, 1 << 20), Buffer.from(values.buffer).subarray(1 << 20)] as const
const header = (change: object = {}) => headerOf(layout, change)
const second = { offset: 1 << 20, total: layout.size * 4 }

let harness: Harness
let socket: Socket
let joined = 0

before(async () => {
  harness = await startGateway({ layout })
})
after(() => harness.stop())

beforeEach(async () => {
  socket = (await harness.join(`p${++joined}`)).socket
  accepting(socket)
  harness.clients.assign(`p${joined}`, harness.task(0))
  await harness.until('delivered')
  harness.told.length = 0
})
afterEach(async () => {
  harness.script.admit = () => null
  harness.script.decide = async ({ round }) => ({ ok: true, duplicate: false, round })
  socket.disconnect()
  await harness.until('left')
})

const send = (change: object = {}, chunk: unknown = chunks[0]) =>
  socket.emitWithAck('round:update', header(change), chunk)

test('an update of several chunks is delivered whole, with what its header says', async () => {
  harness.clock.advance(70)
  const openedAt = harness.clock.now()
  assert.deepEqual(await send(), { ok: true, data: { status: 'more', round: 1 } })
  harness.clock.advance(5)
  assert.deepEqual(await send({ part: second }, chunks[1]), { ok: true, data: { status: 'counted', round: 1 } })
  const { key, update } = await harness.until('update')
  assert.deepEqual(key, { round: 1, attempt: 1, client: 0 })
  const { segments, fingerprint, release: _, ...rest } = update
  assert.deepEqual(rest, {
    client: 0,
    process: `p${joined}`,
    numExamples: 10,
    trainLoss: 0.5,
    steps: 3,
    trainMs: 12,
    bytes: 1_200_000,
    openedAt,
  })
  assert.deepEqual([...segments.keys()], ['block/fc1'])
  assert.ok(segments.get('block/fc1')!.buffer instanceof SharedArrayBuffer)
  assert.ok(Buffer.from(values.buffer).equals(Buffer.from(segments.get('block/fc1')!.buffer)))
  assert.match(fingerprint, /^[0-9a-f]{8}-\d+$/)
})

test('the fingerprint is the same for the same update, and tells other bytes apart', async () => {
  const other = values.slice()
  other[299_999] = -1
  await sendUpdate(socket, header(), values)
  await sendUpdate(socket, header({ metrics: { trainLoss: 0.5, steps: 3, trainMs: 99 } }), values, 77_777)
  await sendUpdate(socket, header(), other)
  const [first, again, bytes] = harness.of('update').map(({ update }) => update.fingerprint)
  assert.equal(again, first)
  assert.notEqual(bytes, first)
  const about = JSON.stringify([{ name: 'block/fc1', size: 300_000 }])
  const covered = Buffer.concat([Buffer.from(`${about}\n`), new Uint8Array(values.buffer)])
  assert.equal(first, `${crc32(covered).toString(16).padStart(8, '0')}-${values.byteLength}`)
})

test('a repeated update is acknowledged as such, a conflicting one refused, each with the current round', async () => {
  harness.script.decide = async () => ({ ok: true, duplicate: true, round: 4 })
  assert.deepEqual(await sendUpdate(socket, header(), values), { status: 'duplicate', round: 4 })
  harness.script.decide = async () => ({ ok: false, error: new FedError('duplicate_conflict'), round: 4 })
  await send()
  const reply = await send({ part: second }, chunks[1])
  assert.deepEqual([reply.ok, reply.error.code, reply.round], [false, 'duplicate_conflict', 4])
  assert.equal(harness.of('refused').length, 0, 'the run decided, and need not be told')
})

for (const code of ['stale_round', 'future_round', 'round_closed', 'update_refused'] as const)
  test(`an update that the run does not admit is refused with ${code} on its first part, with the round`, async () => {
    harness.script.admit = () => new FedError(code, { expected: 'round 1', received: 'round 9' })
    const reply = await send({ round: 9 })
    assert.deepEqual([reply.error.code, reply.error.expected, reply.round], [code, 'round 1', 1])
    // And nothing was kept: the second part finds no first.
    assert.equal((await send({ round: 9, part: second }, chunks[1])).error.code, 'rate_limited')
    assert.deepEqual(harness.told, [])
  })

test('a process cannot speak for a client whose task it was never given', async () => {
  const { socket: other } = await harness.join('other')
  const reply = await other.emitWithAck('round:update', header(), chunks[0])
  assert.equal(reply.error.code, 'not_in_cohort')
  const refuse = { run: 'run-1', round: 1, attempt: 1, client: 0, code: 'client_failed', message: 'mine' }
  assert.equal((await other.emitWithAck('round:refuse', refuse)).error.code, 'not_in_cohort')
  assert.deepEqual(harness.of('refused'), [])
  other.disconnect()
  await harness.until('left')
  harness.told.length = 0
})

const tooLarge = 4 * (layout.size * 3 + 1) + 1
type Wrong = readonly [name: string, change: object, chunk: unknown, code: string, message: RegExp]
const wrong: readonly Wrong[] = [
  ['of another layout', { layout: '0123456789abcdef' }, chunks[0], 'layout_mismatch', /0123456789abcdef/],
  [
    'one byte above the limit',
    { part: { offset: 0, total: tooLarge } },
    chunks[0],
    'message_too_large',
    new RegExp(`at most ${tooLarge - 1} bytes, got ${tooLarge} bytes`),
  ],
  [
    'of a hundred times the limit',
    { part: { offset: 0, total: 1e9 } },
    chunks[0],
    'message_too_large',
    /at most 3600004/,
  ],
  ['in messages above the chunk', {}, Buffer.alloc((1 << 20) + 4), 'message_too_large', /at most 1048576 bytes in one/],
  ['four bytes short', { part: { offset: 0, total: 1_199_996 } }, chunks[0], 'length_mismatch', /1200000 .*1199996/],
  ['of no whole numbers', { part: { offset: 0, total: 1_199_999 } }, chunks[0], 'length_mismatch', /1199999/],
  ['without its segment', { segments: [] }, chunks[0], 'layout_mismatch', /block\/fc1/],
  [
    'with a segment of another size',
    { segments: [{ name: 'block/fc1', size: 7 }] },
    chunks[0],
    'length_mismatch',
    /300000 values in block\/fc1, got 7/,
  ],
  [
    'with an unknown segment',
    { segments: [{ name: 'block/fc9', size: 300_000 }] },
    chunks[0],
    'layout_mismatch',
    /expected block\/fc1, got block\/fc9/,
  ],
  // NaN is null in JSON: only where clients keep their loss to themselves does it say something else.
  [
    'with a loss that is not finite',
    { metrics: { trainLoss: Number.NaN, steps: 1, trainMs: 1 } },
    chunks[0],
    'message_invalid',
    /metrics.trainLoss, a finite number, got null/,
  ],
  ['with a NaN', {}, withValue(1234, Number.NaN), 'non_finite', /NaN at block\/fc1\[1234\]/],
  ['with an infinity', {}, withValue(7, -1 / 0), 'non_finite', /-Infinity at block\/fc1\[7\]/],
  ...([0, -1, 9, 11, 10.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300, '12', null, undefined, [5], true] as const).map(
    count =>
      [
        `that counts ${String(count)} examples`,
        { numExamples: count },
        chunks[0],
        'example_count_invalid',
        /expected 10, the training examples of client 0/,
      ] as const,
  ),
]

function withValue(index: number, value: number): Buffer {
  const chunk = Buffer.from(chunks[0])
  chunk.writeFloatLE(value, 4 * index)
  return chunk
}

for (const [name, change, chunk, code, message] of wrong)
  test(`an update ${name} is refused with ${code}, and the run is told`, async () => {
    const reply = await send(change, chunk)
    assert.equal(reply.error.code, code)
    assert.match(reply.error.message, message)
    const { key, process, error } = await harness.until('refused')
    assert.deepEqual([key, process, error.code], [{ round: 1, attempt: 1, client: 0 }, `p${joined}`, code])
    assert.equal(harness.of('update').length, 0)
  })

test('a NaN in a later part is found there', async () => {
  await send()
  const bad = Buffer.from(chunks[1])
  bad.writeFloatLE(Number.NaN, 0)
  const reply = await send({ part: second }, bad)
  assert.equal(reply.error.code, 'non_finite')
  assert.match(reply.error.message, /block\/fc1\[262144\]/)
})

test('a running variance below zero is refused, wherever a block with one lies; a mean may be anything', async t => {
  const norm = (tensor: string, statistic?: 'mean' | 'variance') =>
    ({ name: `norm/${tensor}`, shape: [3], kind: 'norm', trainable: !statistic, statistic }) as const
  const normalized = layoutOf([
    ...small.blocks.flatMap(block => block.tensors),
    ...[norm('gamma'), norm('moving_mean', 'mean'), norm('moving_variance', 'variance')],
  ])
  const gateway = await startGateway({ layout: normalized })
  t.after(() => gateway.stop())
  const { socket: peer } = await gateway.join('p1')
  accepting(peer)
  for (const client of [0, 1]) gateway.clients.assign('p1', gateway.task(client))
  await gateway.until('delivered', 2)
  const params = counting(normalized.size).map(value => -value)
  params.fill(0, normalized.size - 3)
  const send = (client: number) =>
    peer.emitWithAck('round:update', headerOf(normalized, { client }), Buffer.from(params.slice().buffer))
  assert.equal((await send(0)).ok, true, 'a variance of 0')
  params[normalized.size - 2] = -1e-30
  const { error } = await send(1)
  assert.equal(error.code, 'variance_negative')
  assert.match(error.message, /-1.0\d*e-30 at norm\/moving_variance\[1\]/)
  const refused = await gateway.until('refused')
  assert.deepEqual([refused.key.client, refused.error.code], [1, 'variance_negative'])
})

test('the header of the first part counts, whatever later ones say', async () => {
  await send()
  await send({ part: second, numExamples: 999, segments: [{ name: '../../evil', size: 300_000 }] }, chunks[1])
  const { update } = await harness.until('update')
  assert.deepEqual([update.numExamples, [...update.segments.keys()]], [10, ['block/fc1']])
})

test('parts out of order are refused', async () => {
  await send()
  const reply = await send({ part: { offset: 4, total: layout.size * 4 } }, chunks[1])
  assert.equal(reply.error.code, 'message_invalid')
  assert.match(reply.error.message, /byte 1048576/)
})

test('a client that gives up is believed, with its code', async () => {
  const refuse = {
    run: 'run-1',
    round: 1,
    attempt: 1,
    client: 0,
    code: 'training_diverged',
    message: 'epoch 1, step 3',
  }
  assert.deepEqual(await socket.emitWithAck('round:refuse', refuse), { ok: true, data: null })
  const { error } = await harness.until('refused')
  assert.equal(error.code, 'training_diverged')
  assert.match(error.message, /epoch 1, step 3/)
})

test('half an update is dropped with its connection, and another may take its place', async () => {
  await send()
  socket.io.engine.transport.close() // no goodbye: the transport just ends
  await harness.until('left')
  const back = await harness.join(`p${joined}`)
  assert.equal(
    (await back.socket.emitWithAck('round:update', header({ part: second }), chunks[1])).error.code,
    'rate_limited',
  )
  assert.deepEqual(await sendUpdate(back.socket, header(), values), { status: 'counted', round: 1 })
  assert.equal(harness.of('update').length, 1)
  harness.told.length = 0
  back.socket.disconnect()
})

test('an upload that stalls is dropped, without a verdict: it may come again', async () => {
  await send()
  harness.clock.advance(1000)
  assert.equal((await send({ part: second }, chunks[1])).error.code, 'rate_limited')
  assert.deepEqual(harness.told, [])
  assert.deepEqual(await sendUpdate(socket, header(), values), { status: 'counted', round: 1 })
})

test('a process has only so many uploads under way', async () => {
  for (let client = 1; client <= 5; client++) harness.clients.assign(`p${joined}`, harness.task(client))
  await harness.until('delivered', 5)
  const replies = []
  for (let client = 1; client <= 5; client++) replies.push(await send({ client }))
  assert.deepEqual(
    replies.map(({ ok }) => ok),
    [true, true, true, true, false],
  )
  assert.equal(replies[4].error.code, 'rate_limited')
  assert.equal(harness.of('refused').length, 0)
})

test('a run that cannot decide is answered as an internal error, and nothing else breaks', async () => {
  harness.script.decide = () => Promise.reject(new Error('secret detail'))
  await send()
  const reply = await send({ part: second }, chunks[1])
  assert.equal(reply.error.code, 'internal')
  assert.doesNotMatch(JSON.stringify(reply), /secret/)
  harness.script.decide = async () => ({ ok: true, duplicate: false, round: 1 })
  assert.deepEqual(await sendUpdate(socket, header(), values), { status: 'counted', round: 1 })
})

test('an ack never comes before the decision', async () => {
  let decide: (() => void) | undefined
  harness.script.decide = () =>
    new Promise(resolve => {
      decide = () => resolve({ ok: true, duplicate: false, round: 1 })
    })
  let answered = false
  const sending = sendUpdate(socket, header(), values).then(() => {
    answered = true
  })
  await harness.until('update')
  await socket.emitWithAck('run:join') // a round trip later
  assert.equal(answered, false)
  decide!()
  await sending
})

test('the server cuts a message above its own limit, and lives on', async () => {
  const gone = heard(socket, 'disconnect')
  socket.emit('round:update', header(), Buffer.alloc(2 << 20))
  const [reason] = await gone
  assert.equal(reason, 'transport close')
  await harness.until('left')
  const { socket: back } = await harness.join(`p${joined}`)
  back.disconnect()
})

test('what was buffered for a process is let go with it, with a stalled upload, and with a refused one', async () => {
  const clock = manualClock()
  const run = openRun(harness.run, { clock, log: silent })
  const part = { ...header(), part: { offset: 0, total: layout.size * 4 } }
  for (const letGo of [
    (uploads: Uploads) => uploads.close(),
    () => clock.advance(1000),
    (uploads: Uploads) => uploads.update(header({ part: second }), withValue(0, Number.NaN).subarray(0, 151_424)),
  ]) {
    const sending = { turns: createTurns(), invitations: createInvitations(clock) }
    const peer = { process: 'p', slots: 1, clock, stallMs: 1000, log: silent, refused: () => {}, ...sending }
    const uploads = createUploads(run, peer)
    run.ledger.give('p', harness.task(0))
    assert.ok((await uploads.update(part, chunks[0])).ok)
    assert.equal(uploads.openBytes, 1_200_000)
    await letGo(uploads)
    assert.deepEqual([uploads.openBytes, clock.pending], [0, 0])
  }
})
