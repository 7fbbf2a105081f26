import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Socket } from 'socket.io-client'
import { counting, small } from '../protocol/layouts.ts'
import { accepting, type Harness, headerOf, heard, sendUpdate, startGateway } from './harness.ts'

let harness: Harness
let socket: Socket

before(async () => {
  harness = await startGateway()
  socket = (await harness.join('p1')).socket
  accepting(socket)
  harness.clients.assign('p1', harness.task(0))
  await harness.until('delivered')
})
after(() => harness.stop())

/** The connection and the run are as healthy as before. */
async function stillWell(): Promise<void> {
  const before = harness.of('update').length
  assert.deepEqual(await sendUpdate(socket, headerOf(small), counting(17)), { status: 'counted', round: 1 })
  assert.equal(harness.of('update').length, before + 1)
}

const body = Buffer.alloc(17 * 4)
const headers: readonly [name: string, header: unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 17],
  ['a text', 'round 1'],
  ['an array', [headerOf(small)]],
  ['a Buffer', Buffer.from('header')],
  ['no run', headerOf(small, { run: undefined })],
  ['another run', headerOf(small, { run: 'run-2' })],
  ['round -1', headerOf(small, { round: -1 })],
  ['round 1.5', headerOf(small, { round: 1.5 })],
  ['round 1e300', headerOf(small, { round: 1e300 })],
  ['attempt 0', headerOf(small, { attempt: 0 })],
  ['a client by name', headerOf(small, { client: 'constructor' })],
  ['a negative offset', headerOf(small, { part: { offset: -4, total: 68 } })],
  ['a total that is no number', headerOf(small, { part: { offset: 0, total: '68' } })],
  ['no part', headerOf(small, { part: undefined })],
  ['segments that are no list', headerOf(small, { segments: { length: 2 } })],
  ['a hundred thousand segments', headerOf(small, { segments: Array(100_000).fill(0) })],
  ['a segment of size -1', headerOf(small, { segments: [{ name: 'block/fc1', size: -1 }] })],
  ['a key too many', headerOf(small, { isAdmin: true })],
  ['fifty thousand keys too many', { ...headerOf(small), ...Object.fromEntries(Array(50_000).fill(1).entries()) }],
  ['metrics that are not finite', headerOf(small, { metrics: { trainLoss: 0.5, steps: Number.NaN, trainMs: 1 } })],
]

for (const [name, header] of headers)
  test(`a header with ${name} is answered with a typed error, and changes nothing`, async () => {
    const told = harness.told.length
    const reply = await socket.emitWithAck('round:update', header, body)
    assert.equal(reply.error.code, 'message_invalid')
    assert.ok(JSON.stringify(reply).length < 4000)
    assert.equal(harness.told.length, told)
    assert.equal(({} as { polluted?: number }).polluted, undefined)
    await stillWell()
  })

test('an own __proto__ in a header is a key too many, and nobody’s prototype', async () => {
  const good = JSON.stringify(headerOf(small))
  for (const bad of [
    good.replace('{', '{"__proto__":{"polluted":1},'),
    good.replace('"metrics":{', '"metrics":{"__proto__":{"polluted":1},'),
    good.replace('"metrics":{"trainLoss":0.5', '"metrics":{"__proto__":{"trainLoss":0.5}'),
  ]) {
    assert.notEqual(bad, good)
    // Written by hand, because a Socket.IO client loses the key on its way out.
    const acks = (socket as unknown as { acks: Record<number, (reply: unknown) => void> }).acks
    const replied = new Promise(resolve => {
      acks[9000] = resolve
    })
    socket.io.engine.write(`51-9000["round:update",${bad},{"_placeholder":true,"num":0}]`)
    socket.io.engine.write(body)
    assert.equal(((await replied) as { error: { code: string } }).error.code, 'message_invalid')
    assert.equal(({} as { polluted?: number }).polluted, undefined)
  }
  await stillWell()
})

for (const [name, given] of [
  ['none', undefined],
  ['a text', 'x'.repeat(68)],
  ['an object', { length: 68 }],
  ['a list of numbers', Array(68).fill(0)],
] as const)
  test(`a body that is ${name} is answered with a typed error`, async () => {
    const reply = await socket.emitWithAck('round:update', headerOf(small), given)
    assert.equal(reply.error.code, 'message_invalid')
    await stillWell()
  })

test('random bytes as a body are finite floats or refused, never a fault', async () => {
  let refused = 0
  for (let seed = 0; seed < 20; seed++) {
    const bytes = Buffer.from(Array.from({ length: 68 }, (_, index) => ((index * 89 + seed * 131) ** 2) & 255))
    if (seed % 2 === 0) bytes.writeUInt32LE(0x7fc00000, 4 * (seed % 17))
    const reply = await socket.emitWithAck('round:update', headerOf(small), bytes)
    if (reply.ok) continue
    assert.equal(reply.error.code, 'non_finite')
    refused++
  }
  assert.ok(refused >= 10)
  await stillWell()
})

test('events without an answer, of reserved or unknown names, and bare acks do nothing', async () => {
  const told = harness.told.length
  for (const event of ['round:update', 'round:refuse', 'run:join', 'error', 'toString', '__proto__', 'no:such', ''])
    socket.emit(event, { any: 'thing' }, Buffer.alloc(8))
  socket.emit('round:update')
  socket.emit('round:update', 'not a function')
  // Acks of messages that were never sent, and an ack that is garbage.
  for (const id of [0, 1, 99]) socket.io.engine.write(`3${id}["garbage",{"ok":1}]`)
  await stillWell()
  assert.equal(harness.told.length, told + 1)
})

for (const [name, packet] of [
  ['that is no JSON', '2["round:update",{'],
  ['nested five hundred thousand deep', `2["round:update",${'['.repeat(500_000)}${']'.repeat(500_000)}]`],
  [
    'nested deep with an attachment',
    `51-["round:update",${'['.repeat(20_000)}{"_placeholder":true,"num":0}${']'.repeat(20_000)}]`,
  ],
  ['with a thousand attachments', '51000-["round:update"]'],
  ['with an attachment that is not there', '51-["round:update",{"_placeholder":true,"num":7}]'],
  ['of an unknown type', '9'],
] as const)
  test(`a packet ${name} may cost its sender the connection, and nobody else anything`, async () => {
    const { socket: attacker } = await harness.join('attacker')
    const joined = harness.of('joined').length
    attacker.io.engine.write(packet)
    attacker.io.engine.write(Buffer.alloc(4))
    attacker.io.engine.close()
    await heard(attacker, 'disconnect').catch(() => {})
    await stillWell()
    assert.equal(harness.of('joined').length, joined)
  })

test('a refusal must name its client and a code of ours', async () => {
  const refuse = { run: 'run-1', round: 1, attempt: 1, client: 0, code: 'client_failed', message: 'why' }
  for (const change of [
    { code: 'hasOwnProperty' },
    { message: 'x'.repeat(3000) },
    { client: -1 },
    { run: 'run-2' },
    { extra: 1 },
  ]) {
    const reply = await socket.emitWithAck('round:refuse', { ...refuse, ...change })
    assert.equal(reply.error.code, 'message_invalid')
  }
  assert.equal(harness.of('refused').filter(({ error }) => error.code === 'client_failed').length, 0)
})
