import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FedError } from '../../src/core/errors.ts'
import { createInvitations } from '../../src/server/socket/invitations.ts'
import { createOffers } from '../../src/server/socket/offers.ts'
import { large } from '../protocol/layouts.ts'
import { manualClock } from '../protocol/manual-clock.ts'
import { accepting, RUN, startGateway } from './harness.ts'

/** Who has been invited so far, of offers of these sizes. */
function offered(sizes: readonly number[], bytesAtATime: number) {
  const clock = manualClock()
  const invitations = createInvitations(clock, bytesAtATime)
  const invited: number[] = []
  const arrivals = sizes.map((bytes, i) =>
    invitations.take(bytes).then(arrived => {
      invited.push(i)
      return arrived
    }),
  )
  return { clock, invited, arrived: async (i: number) => (await arrivals[i]!)() }
}

test('as many updates are invited as fit, in the order of asking, and the next when one has come', async () => {
  const { invited, arrived } = offered([4, 4, 4, 4, 4], 10)
  await turn()
  assert.deepEqual(invited, [0, 1, 2])
  await arrived(1)
  await arrived(1) // counts once
  await turn()
  assert.deepEqual(invited, [0, 1, 2, 3])
  await arrived(0)
  await arrived(2)
  await turn()
  assert.deepEqual(invited, [0, 1, 2, 3, 4])
})

test('one that is larger than all that may come at a time comes alone', async () => {
  const { invited, arrived } = offered([100, 1], 10)
  await turn()
  assert.deepEqual(invited, [0])
  await arrived(0)
  await turn()
  assert.deepEqual(invited, [0, 1])
})

test('who was invited and sends nothing holds up the others for a second', async () => {
  const { clock, invited, arrived } = offered([10, 10, 10], 10)
  clock.advance(999)
  await turn()
  assert.deepEqual(invited, [0])
  clock.advance(1)
  await turn()
  assert.deepEqual(invited, [0, 1])
  await arrived(0) // late, and no room for it was kept
  await turn()
  assert.deepEqual(invited, [0, 1])
})

test('what a lost connection has offered makes room for others', async () => {
  const invitations = createInvitations(manualClock(), 10)
  const lost = createOffers(invitations)
  const other = createOffers(invitations)
  await lost.take(0, 10)
  const invited: string[] = []
  void lost.take(1, 10).then(() => invited.push('lost'))
  void other.take(2, 10).then(() => invited.push('other'))
  await turn()
  assert.deepEqual(invited, [])
  lost.close()
  await turn()
  assert.deepEqual(invited, ['lost', 'other'])
})

test('an offer is answered when the update may come; one that is not wanted is refused at once, with the reason', async () => {
  const harness = await startGateway()
  after(() => harness.stop())
  const { socket } = await harness.join('p1')
  accepting(socket)
  const offer = (change: object = {}) =>
    socket.emitWithAck('round:offer', { run: RUN, round: 1, attempt: 1, client: 0, bytes: 100_000, ...change })
  assert.equal((await offer()).error.code, 'not_in_cohort')
  harness.clients.assign('p1', harness.task(0))
  await harness.until('delivered')
  assert.deepEqual(await offer(), { ok: true, data: null })
  assert.deepEqual(await offer(), { ok: true, data: null }, 'offered again, after a lost connection say')
  assert.equal((await offer({ bytes: -1 })).error.code, 'message_invalid')
  assert.equal((await offer({ run: 'another' })).error.code, 'message_invalid')
  harness.script.admit = () => new FedError('round_closed')
  assert.equal((await offer()).error.code, 'round_closed')
  assert.deepEqual(harness.of('refused'), [], 'a refused offer spoils nothing')
})

// 300,000 float32 are 1.2 MB: six of them in hand are below 8 MiB, seven are not.
test('as long as little can come at a time, tasks say that their updates need not be offered', async () => {
  const harness = await startGateway({ layout: large })
  after(() => harness.stop())
  const told = async (process: string, slots: number, client: number) => {
    const { socket } = await harness.join(process, { slots })
    const { tasks } = accepting(socket)
    harness.clients.assign(process, harness.task(client))
    await harness.until('delivered', client + 1)
    return tasks[0]!.header.atOnce
  }
  assert.equal(await told('p1', 2, 0), true)
  assert.equal(await told('p2', 100, 1), true, 'a process sends four at a time, whatever its slots')
  assert.equal(await told('p3', 1, 2), undefined)
})

test('an update whose round closes while its offer waits is refused before it travels', async () => {
  const harness = await startGateway()
  after(() => harness.stop())
  const { socket } = await harness.join('p1', { slots: 8 })
  accepting(socket)
  for (const client of [0, 1, 2, 3, 4, 5, 6, 7]) harness.clients.assign('p1', harness.task(client))
  await harness.until('delivered', 8)
  const offer = (client: number) =>
    socket.emitWithAck('round:offer', { run: RUN, round: 1, attempt: 1, client, bytes: 4 << 20 })
  const [first, second] = [await offer(0), await offer(1)]
  assert.deepEqual([first.ok, second.ok], [true, true])
  const waiting = [2, 3, 4, 5].map(offer)
  const beyond = await offer(6)
  assert.equal(beyond.error.code, 'rate_limited')
  harness.script.admit = () => new FedError('round_closed')
  for (let i = 0; i < 2; i++) harness.clock.advance(1000)
  for (const answer of await Promise.all(waiting)) assert.equal(answer.error.code, 'round_closed')
})
