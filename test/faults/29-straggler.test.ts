import assert from 'node:assert/strict'
import { manualClock } from '../protocol/manual-clock.ts'
import { codeOf, distance, fault, stage, trained } from './stage.ts'

fault('a straggler that arrives in the next round is refused, and leaves no trace in either model', async t => {
  const clock = manualClock()
  const { run, model } = await stage(t, { clock })
  const opened = await run({ rounds: 2, clients: { total: 2 }, round: { quorum: 1, retries: 0 } })
  const [quick, slow] = [await opened.join('quick', 1), await opened.join('slow', 1)]
  const [first, late] = [await quick.task(0), await slow.task(1)]
  await quick.send(first)
  clock.advance(60_000)
  const [next, own] = [await quick.task(0, 2), await slow.task(1, 2)]
  assert.ok(distance(next.global, trained(first)) < 1e-6)
  const refused = await slow.send(late)
  assert.ok(!refused.ok)
  assert.deepEqual([refused.error.code, refused.round], ['round_closed', 2])
  assert.equal(codeOf(await slow.send(own, { values: trained(next) })), 'counted')
  assert.equal(codeOf(await quick.send(next)), 'counted')
  await opened.round(2)
  assert.ok(distance(await model(opened.id), trained(next)) < 1e-6)
  assert.deepEqual(
    (await opened.updates(1)).map(({ status }) => status),
    ['completed', 'dropped'],
  )
})
