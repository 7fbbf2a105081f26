import assert from 'node:assert/strict'
import { manualClock } from '../protocol/manual-clock.ts'
import { fault, stage } from './stage.ts'

fault(
  'a round that nobody finishes fails the run with the reason, and the model stays that of the round before',
  async t => {
    const clock = manualClock()
    const { run, coordinator, model } = await stage(t, { clock })
    const opened = await run({ rounds: 2, clients: { total: 2 } })
    const player = await opened.join('p', 2)
    for (const client of [0, 1]) await player.send(await player.task(client))
    const { global } = await player.task(0, 2)
    await opened.round(1)
    player.leave()
    clock.advance(60_000)
    const { status, error, finalRound } = await opened.ended()
    assert.deepEqual([status, error?.code, finalRound], ['failed', 'quorum_missed', 1])
    assert.match(error?.message ?? '', /expected at least 2 updates in round 2, got 0/)
    assert.deepEqual(await model(opened.id), global)
    assert.equal((await coordinator.store.latestCheckpoint(opened.id))?.round, 1)
  },
)
