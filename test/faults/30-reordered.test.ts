import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained, weightedMean } from './stage.ts'

fault(
  'updates in any order, over several connections, repeated and stale, give the round that they would have given in order',
  async t => {
    const { run, model } = await stage(t)
    const opened = await run({ rounds: 2, clients: { total: 3 } })
    const first = await opened.join('p', 3)
    const tasks = await Promise.all([0, 1, 2].map(client => first.task(client)))
    assert.equal(codeOf(await first.send(tasks[2]!)), 'counted')
    first.leave()
    const second = await opened.join('p', 3)
    await second.task(1)
    const acks = [await second.send(tasks[2]!), await second.send(tasks[1]!), await second.send(tasks[1]!)]
    assert.deepEqual(acks.map(codeOf), ['duplicate', 'counted', 'duplicate'])
    second.leave()
    const third = await opened.join('p', 3)
    await third.task(0)
    assert.deepEqual(codeOf(await third.send(tasks[0]!)), 'counted')
    await third.task(0, 2)
    for (const task of tasks) assert.equal(codeOf(await third.send(task)), 'duplicate')
    await opened.round(1)
    assert.ok(distance(await model(opened.id), weightedMean(tasks.map(task => [trained(task), 15]))) < 1e-6)
  },
)
