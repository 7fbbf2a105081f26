import assert from 'node:assert/strict'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'an upload for an old round is refused as stale with the present round, and the next good one is accepted',
  async t => {
    const { run } = await stage(t)
    const opened = await run({ rounds: 3, clients: { total: 1 } })
    const player = await opened.join('p')
    for (const round of [1, 2]) assert.equal(codeOf(await player.send(await player.task(0, round))), 'counted')
    const task = await player.task(0, 3)
    const stale = await player.send({ ...task, round: 1 })
    assert.ok(!stale.ok)
    assert.deepEqual([stale.error.code, stale.round, stale.error.expected], ['stale_round', 3, 'round 3'])
    assert.equal(codeOf(await player.send(task)), 'counted')
    assert.equal((await opened.ended()).status, 'completed')
  },
)
