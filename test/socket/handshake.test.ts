import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PROTOCOL_VERSION } from '../../src/protocol/messages.ts'
import { accepting, connectRaw, type Harness, heard, INPUTS, RUN, startGateway, TOKEN } from './harness.ts'

let harness: Harness
before(async () => {
  harness = await startGateway()
})
after(() => harness.stop())

const refused: readonly [name: string, auth: object, code: string, message: RegExp][] = [
  [
    'another protocol',
    { protocol: 99, run: { not: 'read' } },
    'protocol_mismatch',
    /expected version 3, got version 99/,
  ],
  ['no token', { token: undefined }, 'token_missing', /join token/],
  ['an empty token', { token: '' }, 'token_missing', /join token/],
  ['a wrong token', { token: 'other' }, 'token_invalid', /not valid/],
  ['a token with more behind it', { token: `${TOKEN} ` }, 'token_invalid', /not valid/],
  ['an unknown run', { run: 'run-2' }, 'run_not_active', /run-2/],
  ['a run that is no id', { run: '__proto__/..' }, 'message_invalid', /run/],
  ['the name of a built-in as a run', { run: '__proto__' }, 'run_not_active', /not active/],
  ['a token that is no text', { token: { $ne: '' } }, 'message_invalid', /token/],
  ['no name', { process: '' }, 'message_invalid', /process/],
  ['absurd slots', { slots: 1e9 }, 'message_invalid', /slots/],
  ['a key too many', { admin: true }, 'message_invalid', /admin/],
]

for (const [name, auth, code, message] of refused)
  test(`a handshake with ${name} is refused with ${code}`, async () => {
    const socket = connectRaw(harness.url, auth)
    const [error] = await heard(socket, 'connect_error')
    assert.equal(error.data.code, code)
    assert.match(error.data.message, message)
    assert.equal(socket.active, false)
    assert.deepEqual(harness.told, [])
  })

test('no handshake at all is refused', async () => {
  const nothing = { protocol: undefined, run: undefined, token: undefined, process: undefined, slots: undefined }
  const socket = connectRaw(harness.url, nothing)
  const [error] = await heard(socket, 'connect_error')
  assert.equal(error.data.code, 'token_missing')
})

test('who joins gets the run, its layout and its limits, and joining twice is joining once', async () => {
  const { socket, open } = await harness.join('p1', { slots: 3 })
  assert.deepEqual(open, {
    run: RUN,
    runFile: { name: 'a run', seed: 1 },
    layout: harness.layout.digest,
    inputs: INPUTS,
    shared: [
      { name: 'block/fc1', size: 9 },
      { name: 'block/fc2', size: 8 },
    ],
    // 17 parameters, twice again for an optimizer's memory, and a counter for each of 2 blocks.
    limits: { chunkBytes: 1_048_576, window: 4, maxUpdateBytes: 4 * (17 * 3 + 2) },
  })
  assert.equal(open.runFile !== undefined && PROTOCOL_VERSION, 3)
  await socket.emitWithAck('run:join')
  assert.deepEqual(harness.of('joined'), [{ type: 'joined', process: 'p1', slots: 3 }])
  socket.disconnect()
  assert.deepEqual(await harness.until('left'), { type: 'left', process: 'p1' })
})

test('a process has no part in the run before it has shown the inputs that the coordinator has', async () => {
  const before = harness.of('joined').length
  const socket = connectRaw(harness.url, { process: 'p10' })
  const show = (inputs: object, run = RUN) => socket.emitWithAck('run:inputs', { run, ...inputs })
  assert.equal((await show(INPUTS)).error.code, 'message_invalid', 'before it joined')
  await socket.emitWithAck('run:join')
  for (const [inputs, code, text] of [
    [{ ...INPUTS, data: 'ab'.repeat(32) }, 'data_mismatch', /expected data with SHA-256 dada.*, got abab/],
    [{ ...INPUTS, model: 'ab'.repeat(32) }, 'model_mismatch', /expected model files with SHA-256 null.*, got abab/],
    [{ ...INPUTS, data: null }, 'message_invalid', /data/],
    [{}, 'message_invalid', /data/],
  ] as const) {
    const { ok, error } = await show(inputs)
    assert.deepEqual([ok, error.code], [false, code])
    assert.match(error.message, text)
  }
  assert.equal((await show(INPUTS, 'run-2')).error.code, 'message_invalid')
  assert.equal(harness.of('joined').length, before, 'the run has not heard of it')
  for (let again = 0; again < 2; again++) assert.deepEqual(await show(INPUTS), { ok: true, data: null })
  assert.deepEqual(harness.of('joined').slice(before), [{ type: 'joined', process: 'p10', slots: 1 }])
  socket.disconnect()
  await harness.until('left', harness.of('left').length + 1)
})

test('a connection that does not join is cut, one that did is not', async () => {
  const { socket: joined } = await harness.join('p2')
  const idle = connectRaw(harness.url, { process: 'p3' })
  await heard(idle, 'connect')
  harness.clock.advance(500)
  const [reason] = await heard(idle, 'disconnect')
  assert.equal(reason, 'io server disconnect')
  assert.ok(joined.connected)
  joined.disconnect()
})

test('nothing is answered before the run was joined', async () => {
  const socket = connectRaw(harness.url, { process: 'p4' })
  for (const event of ['round:update', 'round:refuse']) {
    const ack = await socket.emitWithAck(event, {}, Buffer.alloc(4))
    assert.equal(ack.error.code, 'message_invalid')
    assert.match(ack.error.message, /run:join/)
  }
  socket.disconnect()
})

test('of two processes with one name the newest stays, and the older is told why it goes', async () => {
  const { socket: older } = await harness.join('twin')
  const before = harness.of('left').length
  const replaced = heard(older, 'run:replaced')
  const gone = heard(older, 'disconnect')
  const { socket: newer } = await harness.join('twin', { slots: 2 })
  assert.deepEqual(await replaced, [{ run: RUN }])
  await gone
  assert.ok(newer.connected)
  assert.deepEqual(harness.of('joined').at(-1), { type: 'joined', process: 'twin', slots: 2 })
  // The older's tasks go to others, until the newer has shown what it has.
  assert.equal(harness.of('left').length, before + 1)
  newer.disconnect()
  await harness.until('left', before + 2)
})

test('who comes back after the end is told how it ended, with the right token only, and for ten minutes', async () => {
  harness.gateway.open({ ...harness.run, id: 'run-9' }).end('completed', 'all rounds done')
  const early = connectRaw(harness.url, { process: 'p7', run: 'run-9' })
  await heard(early, 'connect')
  const closed = harness.gateway.close('run-9')
  const ends = heard(early, 'run:end')
  assert.equal((await early.emitWithAck('run:join')).data.run, 'run-9', 'connected before the end, joins after it')
  assert.deepEqual(await ends, [{ run: 'run-9', outcome: 'completed', message: 'all rounds done' }])
  early.disconnect()
  await closed
  const joined = harness.of('joined').length

  const late = connectRaw(harness.url, { process: 'p8', run: 'run-9' })
  const told = heard(late, 'run:end')
  assert.equal((await late.emitWithAck('run:join')).data.layout, harness.layout.digest)
  assert.deepEqual(await told, [{ run: 'run-9', outcome: 'completed', message: 'all rounds done' }])
  assert.equal(harness.of('joined').length, joined, 'the run hears nothing of it')
  late.disconnect()
  const guessing = connectRaw(harness.url, { process: 'p8', run: 'run-9', token: 'guessed' })
  assert.equal((await heard(guessing, 'connect_error'))[0].data.code, 'token_invalid')
  const lingering = connectRaw(harness.url, { process: 'p8', run: 'run-9' })
  await heard(lingering, 'connect')
  const cut = heard(lingering, 'disconnect')
  harness.clock.advance(500)
  assert.deepEqual((await cut)[0], 'io server disconnect')

  harness.clock.advance(10 * 60_000)
  const tooLate = connectRaw(harness.url, { process: 'p8', run: 'run-9' })
  assert.equal((await heard(tooLate, 'connect_error'))[0].data.code, 'run_not_active')
})

test('a run that is opened again is open, however it ended before', async () => {
  for (const outcome of ['stopped', null] as const) {
    const clients = harness.gateway.open({ ...harness.run, id: 'run-9' })
    const { socket } = await harness.join('p9', { run: 'run-9' })
    const { tasks } = accepting(socket)
    clients.assign('p9', harness.task(3))
    await harness.until('delivered')
    assert.equal(tasks[0]!.header.client, 3)
    if (outcome) clients.end(outcome)
    await harness.gateway.close('run-9')
    harness.told.length = 0
  }
})

test('a closed run disconnects its processes and is not active any more; it can be opened again', async () => {
  const { socket } = await harness.join('p5')
  const idle = connectRaw(harness.url, { process: 'p6' })
  await heard(idle, 'connect')
  const gone = heard(socket, 'disconnect')
  harness.gateway.close(RUN)
  await gone
  assert.equal((await idle.emitWithAck('run:join')).error.code, 'run_not_active')
  idle.disconnect()
  const late = connectRaw(harness.url, {})
  const [error] = await heard(late, 'connect_error')
  assert.equal(error.data.code, 'run_not_active')
  harness.gateway.open(harness.run)
  assert.throws(() => harness.gateway.open(harness.run), { code: 'run_conflict' })
  const again = await harness.join('p5')
  again.socket.disconnect()
})
