import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained, weightedMean } from './stage.ts'

fault('who uploads and then leaves is counted, exactly once, and nobody does the task again', async t => {
  const { run, model } = await stage(t)
  const opened = await run({ rounds: 1 })
  const leaves = await opened.join('leaves', 1)
  const task = await leaves.task(0)
  assert.equal(codeOf(await leaves.send(task)), 'counted')
  leaves.leave()
  const stays = await opened.join('stays', 4)
  const rest = await Promise.all([1, 2, 3].map(client => stays.task(client)))
  for (const one of rest) assert.equal(codeOf(await stays.send(one)), 'counted')

  assert.deepEqual((await opened.round(1)).clients, { selected: 4, completed: 4, dropped: 0, rejected: 0 })
  assert.deepEqual(
    (await opened.updates(1)).map(({ process }) => process),
    ['leaves', 'stays', 'stays', 'stays'],
  )
  assert.deepEqual(
    stays.tasks.map(({ client }) => client),
    [1, 2, 3],
  )
  const mean = weightedMean([task, ...rest].map(one => [trained(one), 15]))
  assert.ok(distance(await model(opened.id), mean) < 1e-6)
})
