import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained } from './stage.ts'

for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  fault(`${bad} in an update refuses that client alone, with the reason and the place`, async t => {
    const { run, model } = await stage(t)
    const opened = await run({ rounds: 1, clients: { total: 2 } })
    const player = await opened.join('p', 2)
    const [good, spoilt] = [await player.task(0), await player.task(1)]
    const refused = await player.send(spoilt, { values: trained(spoilt).with(13, bad) })
    assert.ok(!refused.ok)
    assert.deepEqual([refused.error.code, refused.error.received], ['non_finite', `${bad} at block/fc1[13]`])
    assert.equal(codeOf(await player.send(good)), 'counted')

    assert.deepEqual((await opened.round(1)).clients, { selected: 2, completed: 1, dropped: 0, rejected: 1 })
    assert.equal((await opened.updates(1))[1]?.reason, 'non_finite')
    assert.ok(distance(await model(opened.id), trained(good)) < 1e-6)
  })
