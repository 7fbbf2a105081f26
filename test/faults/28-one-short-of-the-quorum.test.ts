import assert from 'node:assert/strict'
import { manualClock } from '../protocol/manual-clock.ts'
import { fault, stage } from './stage.ts'

/** One of two clients answers, the deadline passes, and two were needed. */
async function oneShort(t: Parameters<typeof stage>[0], onShortfall: string) {
  const clock = manualClock()
  const { run } = await stage(t, { clock })
  const opened = await run({ rounds: 1, clients: { total: 2 }, round: { quorum: 2, retries: 0, onShortfall } })
  const player = await opened.join('p', 2)
  await player.send(await player.task(0))
  await player.task(1)
  clock.advance(60_000)
  return { opened, player }
}

fault('one short of the quorum at the deadline, fail ends the run and says how many came', async t => {
  const { opened } = await oneShort(t, 'fail')
  const { status, error, finalRound } = await opened.ended()
  assert.deepEqual([status, error?.code, finalRound], ['failed', 'quorum_missed', 0])
  assert.match(error?.message ?? '', /expected at least 2 updates in round 1, got 1 after 1 attempts/)
})

fault('one short of the quorum at the deadline, extend asks again, and the attempt is recorded', async t => {
  const { opened, player } = await oneShort(t, 'extend')
  await player.send(await player.task(1, 1, 2))
  const { attempt, clients } = await opened.round(1)
  assert.deepEqual([attempt, clients], [2, { selected: 2, completed: 2, dropped: 0, rejected: 0 }])
})

fault('one short of the quorum at the deadline, proceed goes on with what came, and says who was dropped', async t => {
  const { opened } = await oneShort(t, 'proceed')
  const { attempt, clients } = await opened.round(1)
  assert.deepEqual([attempt, clients], [1, { selected: 2, completed: 1, dropped: 1, rejected: 0 }])
  assert.deepEqual(
    (await opened.updates(1)).map(({ status, reason }) => [status, reason]),
    [
      ['completed', null],
      ['dropped', 'deadline'],
    ],
  )
})
