import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained, weightedMean } from './stage.ts'

fault(
  'the same upload again is acknowledged again and counted once, also when its round has closed meanwhile',
  async t => {
    const { run, model } = await stage(t)
    const opened = await run({ rounds: 2, clients: { total: 2 } })
    const player = await opened.join('p', 2)
    const [first, second] = [await player.task(0), await player.task(1)]
    assert.equal(codeOf(await player.send(first)), 'counted')
    assert.equal(codeOf(await player.send(first)), 'duplicate')
    assert.equal(codeOf(await player.send(second)), 'counted')
    await player.task(0, 2)
    const late = await player.send(first)
    assert.deepEqual(late, { ok: true, data: { status: 'duplicate', round: 2 } })

    assert.equal((await opened.round(1)).clients.completed, 2)
    assert.equal((await opened.updates(1)).length, 2)
    assert.ok(distance(await model(opened.id), weightedMean([first, second].map(task => [trained(task), 15]))) < 1e-6)
  },
)
