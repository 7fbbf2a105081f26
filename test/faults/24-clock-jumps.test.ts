import assert from 'node:assert/strict'
import { noopTrainer } from '../../clients/noop-trainer.ts'
import { runClient } from '../../clients/worker.ts'
import { fault, stage } from './stage.ts'

const HOUR = 3_600_000

fault('a wall clock that jumps an hour forth and back moves timestamps, never rounds or deadlines', async t => {
  const { run, coordinator, url } = await stage(t)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const opened = await run({ rounds: 5, clients: { total: 2 } })
  // A real client: Socket.IO's takes a jump for a lost connection, and comes back.
  const backoff = { firstMs: 5, longestMs: 20 }
  const client = runClient({ url, run: opened.id, token: opened.joinToken, trainer: noopTrainer, backoff })
  for (const [round, jump] of [HOUR, -HOUR, -HOUR, HOUR].entries()) {
    await opened.round(round + 1)
    t.mock.timers.setTime(Date.now() + jump)
  }
  assert.equal(await client, 'completed')
  assert.equal((await opened.ended()).status, 'completed')
  const { items } = await coordinator.store.rounds(opened.id, { limit: 10 })
  assert.deepEqual(
    items.map(({ round, attempt, clients }) => [round, attempt, clients.completed]),
    [1, 2, 3, 4, 5].map(round => [round, 1, 2]),
  )
  for (const { durationMs, phases } of items)
    for (const ms of [durationMs, ...Object.values(phases)]) assert.ok(ms >= 0 && ms < HOUR / 2, String(ms))
})
