import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Socket } from 'socket.io-client'
import { counting, denseLayout } from '../protocol/layouts.ts'
import { accepting, connectRaw, type Harness, heard, RUN, startGateway } from './harness.ts'

// fc1 = 300,000 values, fc2 = 1001 · 300 = 300,300 values: 2,401,200 bytes, three chunks.
const layout = denseLayout(299, 1000, 300)
const params = counting(layout.size)
const server = { round: 0, params, strategy: null, clients: new Map() }

let harness: Harness
let socket: Socket

before(async () => {
  harness = await startGateway({ layout })
})
after(() => harness.stop())

beforeEach(async () => {
  harness.told.length = 0
  socket = (await harness.join('p1')).socket
})
afterEach(async () => {
  socket.disconnect()
  await harness.until('left')
})

const task = (client: number, change: object = {}) => harness.task(client, { server, ...change })

test('the global blocks travel once to a process and round, in chunks, ahead of its first task', async () => {
  const { globals, tasks, order } = accepting(socket)
  for (const client of [4, 1, 7]) harness.clients.assign('p1', task(client))
  await harness.until('delivered', 3)
  assert.deepEqual(order, ['global 1', 'global 1', 'global 1', 'task 1/4', 'task 1/1', 'task 1/7'])
  assert.ok(Buffer.concat(globals.map(({ chunk }) => chunk)).equals(Buffer.from(params.buffer)))
  assert.deepEqual(globals[1]!.header, {
    run: RUN,
    round: 1,
    layout: layout.digest,
    part: { offset: 1 << 20, total: 2_401_200 },
  })
  assert.deepEqual(tasks[0]!.header, {
    run: RUN,
    round: 1,
    attempt: 1,
    client: 4,
    layout: layout.digest,
    segments: [],
    initialise: [],
    reply: ['fc1', 'fc2'],
    numExamples: 10,
    atOnce: true,
    part: { offset: 0, total: 0 },
  })
  assert.equal(harness.clients.bytesDown(1), 2_401_200)

  const next = { ...server, round: 1, params: params.map(value => -value) }
  harness.clients.assign('p1', harness.task(4, { round: 2, server: next }))
  await harness.until('delivered', 4)
  assert.deepEqual(order.slice(6), ['global 2', 'global 2', 'global 2', 'task 2/4'])
  assert.ok(Buffer.concat(globals.slice(3).map(({ chunk }) => chunk)).equals(Buffer.from(next.params.buffer)))
  assert.deepEqual([harness.clients.bytesDown(1), harness.clients.bytesDown(2)], [2_401_200, 2_401_200])
})

test('what is a client’s own travels with its task', async () => {
  const { tasks } = accepting(socket)
  const own = new Map([
    ['block/fc2', counting(300_300, 5)],
    ['momentum/fc1', Float32Array.of(1, 2, 3)],
  ])
  const before = harness.clients.bytesDown(1)
  harness.clients.assign('p1', task(0, { own, initialise: ['fc1'], reply: ['fc2'] }))
  await harness.until('delivered')
  const { header } = tasks[0]!
  assert.deepEqual(header.segments, [
    { name: 'block/fc2', size: 300_300 },
    { name: 'momentum/fc1', size: 3 },
  ])
  assert.deepEqual([header.initialise, header.reply], [['fc1'], ['fc2']])
  const received = Buffer.concat(tasks.map(({ chunk }) => chunk))
  assert.ok(received.equals(Buffer.from(Float32Array.from([...own.get('block/fc2')!, 1, 2, 3]).buffer)))
  assert.equal(harness.clients.bytesDown(1) - before, 2_401_200 + received.length)
})

test('only shared blocks travel, and none at all when nothing is shared', async () => {
  harness.gateway.open({ ...harness.run, id: 'run-3', shared: ['fc2'] })
  const part = await harness.join('p3', { run: 'run-3' })
  assert.deepEqual(part.open.shared, [{ name: 'block/fc2', size: 300_300 }])
  const none = harness.gateway.open({ ...harness.run, id: 'run-4', shared: [] })
  const { socket: other } = await harness.join('p4', { run: 'run-4' })
  const { order, globals } = accepting(other)
  none.assign('p4', task(1))
  await harness.until('delivered')
  assert.deepEqual(order, ['global 1', 'task 1/1'])
  assert.equal(globals[0]!.chunk, null)
  for (const { socket } of [part, { socket: other }]) socket.disconnect()
  await harness.until('left', 2)
  for (const run of ['run-3', 'run-4']) harness.gateway.close(run)
  harness.told.length = 0
})

test('a new connection of a process gets the global blocks anew', async () => {
  const first = accepting(socket)
  harness.clients.assign('p1', task(0))
  await harness.until('delivered')
  const { socket: second } = await harness.join('p1')
  const { order } = accepting(second)
  harness.clients.assign('p1', task(0))
  await harness.until('delivered', 2)
  assert.equal(order.length, 4)
  assert.equal(first.order.length, 4)
  second.disconnect()
})

/** Answers nothing until it is told to. */
function holding(socket: Socket) {
  const answers: ((ack: object) => void)[] = []
  const tasks: string[] = []
  const hold = {
    tasks,
    outstanding: 0,
    most: 0,
    /** Resolves when so many messages are unanswered. */
    async until(count: number) {
      while (answers.length < count) await socket.emitWithAck('run:join') // a round trip
    },
    release() {
      hold.outstanding -= answers.length
      for (const answer of answers.splice(0)) answer({ ok: true, data: null })
    },
  }
  const take = (answer: (ack: object) => void) => {
    hold.most = Math.max(hold.most, ++hold.outstanding)
    answers.push(answer)
  }
  socket.on('round:global', (_header, _chunk, answer) => take(answer))
  socket.on('round:task', (header, _chunk, answer) => {
    tasks.push(`${header.round}/${header.client}`)
    take(answer)
  })
  return hold
}

test('a process that reads slowly holds a window of chunks, and delays nobody', async () => {
  const slow = holding(socket)
  const own = new Map([['block/fc1', counting(300_000)]])
  for (let client = 0; client < 5; client++) harness.clients.assign('p1', task(client, { own }))

  const { socket: quick } = await harness.join('p2')
  accepting(quick)
  harness.clients.assign('p2', task(9))
  assert.equal((await harness.until('delivered')).key.client, 9)
  await slow.until(4)
  while (harness.of('delivered').length < 6) {
    slow.release()
    await socket.emitWithAck('run:join')
  }
  assert.equal(slow.most, 4)
  quick.disconnect()
  await harness.until('left')
  harness.told.length = 0
})

test('a process that acknowledges nothing is disconnected after the deadline, one that does is not', async () => {
  const { socket: other } = await harness.join('p2')
  accepting(other)
  const silent = new Promise<void>(resolve => {
    let messages = 0
    socket.on('round:global', () => ++messages === 3 && resolve())
  })
  harness.clients.assign('p1', task(0))
  harness.clients.assign('p2', task(1))
  await Promise.all([silent, harness.until('delivered')])
  const gone = heard(socket, 'disconnect')
  harness.clock.advance(1000)
  await gone
  assert.deepEqual((await harness.until('left')).process, 'p1')
  assert.ok(other.connected)
  other.disconnect()
  await harness.until('left', 2)
  assert.equal(harness.clock.pending, 0, 'no timer is left behind')
})

test('a task that waits is withdrawn silently, one on its way by message', async () => {
  const hold = holding(socket)
  const withdrawn: object[] = []
  socket.on('round:withdraw', body => withdrawn.push(body))
  for (const client of [0, 1, 2, 3]) harness.clients.assign('p1', task(client))
  await hold.until(4) // the global body and task 0; task 1 is next
  harness.clients.withdraw('p1', { round: 1, client: 2 })
  harness.clients.withdraw('p1', { round: 1, client: 0 })
  while (harness.of('delivered').length < 2) {
    hold.release()
    await socket.emitWithAck('run:join')
  }
  assert.deepEqual(hold.tasks, ['1/0', '1/1', '1/3'])
  harness.clients.withdraw('p1', { round: 1, client: 0 })
  harness.clients.withdraw('p1', { round: 7, client: 1 })
  harness.clients.withdraw('nobody', { round: 1, client: 1 })
  await socket.emitWithAck('run:join')
  assert.deepEqual(withdrawn, [{ run: RUN, round: 1, client: 0 }])
})

test('a task that is withdrawn while the global blocks are on their way is not sent', async () => {
  // 1,301,300 values, 5,205,200 bytes: five chunks, one more than the window.
  const wide = denseLayout(1000, 1300)
  const run = harness.gateway.open({ ...harness.run, id: 'wide', layout: wide, shared: ['fc1'] })
  const { socket: reader } = await harness.join('p1', { run: 'wide' })
  const hold = holding(reader)
  const change = { server: { ...server, params: new Float32Array(wide.size) }, reply: ['fc1'] }
  for (const client of [5, 6]) run.assign('p1', harness.task(client, change))
  await hold.until(4)
  run.withdraw('p1', { round: 1, client: 5 })
  while (harness.of('delivered').length < 1) {
    hold.release()
    await reader.emitWithAck('run:join')
  }
  assert.deepEqual(hold.tasks, ['1/6'])
  reader.disconnect()
  await harness.until('left')
  harness.gateway.close('wide')
  harness.told.length = 0
})

test('tasks of earlier rounds that still wait are dropped when the next round comes', async () => {
  const hold = holding(socket)
  for (const client of [0, 1, 2]) harness.clients.assign('p1', task(client))
  await hold.until(4)
  harness.clients.assign('p1', harness.task(3, { round: 2, server: { ...server, round: 1 } }))
  while (harness.of('delivered').length < 3) {
    hold.release()
    await socket.emitWithAck('run:join')
  }
  assert.deepEqual(hold.tasks, ['1/0', '1/1', '2/3'])
})

test('a task that the process cannot take is refused in its name; a global body that it cannot, ends the connection', async () => {
  socket.on('round:global', (_header, _chunk, answer) => answer({ ok: true, data: null }))
  socket.on('round:task', (_header, _chunk, answer) =>
    answer({ ok: false, error: { code: 'layer_unknown', message: 'no such layer' } }),
  )
  harness.clients.assign('p1', task(3))
  const { key, process, error } = await harness.until('refused')
  assert.deepEqual([key.client, process, error.code], [3, 'p1', 'layer_unknown'])

  const { socket: other } = await harness.join('p2')
  other.on('round:global', (_header, _chunk, answer) => answer('what?'))
  const gone = heard(other, 'disconnect')
  harness.clients.assign('p2', task(4))
  await gone
  while (!harness.of('left').some(({ process }) => process === 'p2'))
    await harness.until('left', harness.of('left').length + 1)
  harness.told.length = 0
})

test('the end of a run reaches who is there, and who comes back too late', async () => {
  const run = harness.gateway.open({ ...harness.run, id: 'run-2' })
  const { socket: present } = await harness.join('p1', { run: 'run-2' })
  const told = heard(present, 'run:end')
  run.end('failed', 'The quorum was missed')
  assert.deepEqual(await told, [{ run: 'run-2', outcome: 'failed', message: 'The quorum was missed' }])
  const late = connectRaw(harness.url, { process: 'p2', run: 'run-2' })
  const toldLate = heard(late, 'run:end')
  late.emit('run:join', () => {})
  assert.deepEqual((await toldLate)[0].outcome, 'failed')
  for (const socket of [present, late]) socket.disconnect()
  await harness.until('left', 2)
  harness.gateway.close('run-2')
  harness.told.length = 0
})

test('what is assigned to a process that is not there is not kept', async () => {
  harness.clients.assign('nobody', task(0))
  const { socket: late } = await harness.join('nobody')
  const { order } = accepting(late)
  await late.emitWithAck('run:join')
  assert.deepEqual(order, [])
  late.disconnect()
  await harness.until('left')
  harness.told.length = 0
})
