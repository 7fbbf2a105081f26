import assert from 'node:assert/strict'
import { manualClock } from '../protocol/manual-clock.ts'
import { codeOf, distance, fault, stage, trained } from './stage.ts'

fault(
  'a round whose clients leave before they upload closes at its deadline, and they are recorded as dropped',
  async t => {
    const clock = manualClock()
    const { coordinator, run, model } = await stage(t, { clock })
    const opened = await run({ rounds: 1, round: { quorum: 1, retries: 0 } })
    const [stays, leaves] = [await opened.join('stays', 1), await opened.join('leaves', 3)]
    const task = await stays.task(0)
    await leaves.task(3)
    leaves.leave()
    assert.equal(codeOf(await stays.send(task)), 'counted')
    await stays.task(1) // given back by the one who left
    clock.advance(60_000)

    assert.equal((await opened.ended()).status, 'completed')
    assert.deepEqual((await opened.round(1)).clients, { selected: 4, completed: 1, dropped: 3, rejected: 0 })
    const warning = opened.notices.find(({ type }) => type === 'warning')
    assert.ok(warning?.type === 'warning')
    assert.match(warning.message, /^dropped client 1 \(.*\), client 2 \(.*\), client 3 \(.*averages 1 of 4 clients/)
    const rows = await opened.updates(1)
    assert.deepEqual(
      rows.map(({ client, status, reason }) => [client, status, reason]),
      [
        [0, 'completed', null],
        [1, 'dropped', 'deadline'],
        [2, 'dropped', 'deadline'],
        [3, 'dropped', 'deadline'],
      ],
    )
    assert.ok(distance(await model(opened.id), trained(task)) < 1e-6)
    assert.equal((await coordinator.store.run(opened.id)).finalRound, 1)
  },
)
