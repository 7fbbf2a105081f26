import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained } from './stage.ts'

fault('an example count that is not the number of examples the client was dealt is refused, never clamped', async t => {
  const { run, model } = await stage(t)
  // The data: 80 examples among 8 clients, 10 each.
  const data = { name: 'synthetic', dimension: 4, classes: 3, train: 80, test: 12 }
  const opened = await run({ rounds: 1, data, clients: { total: 8 } })
  const player = await opened.join('p', 8)
  const tasks = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(client => player.task(client)))
  const counts = [Number.NaN, -9, 0, 1e12, 2.5, '10', 20]
  for (const [client, numExamples] of counts.entries())
    assert.equal(
      codeOf(await player.send(tasks[client]!, { numExamples })),
      'example_count_invalid',
      String(numExamples),
    )
  assert.equal(codeOf(await player.send(tasks[7]!)), 'counted')

  assert.deepEqual((await opened.round(1)).clients, { selected: 8, completed: 1, dropped: 0, rejected: 7 })
  const reasons = (await opened.updates(1)).map(({ reason }) => reason)
  assert.deepEqual(reasons, [...Array(7).fill('example_count_invalid'), null])
  assert.ok(distance(await model(opened.id), trained(tasks[7]!)) < 1e-6)
})
