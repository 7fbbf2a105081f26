import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained } from './stage.ts'

fault('a layer of another shape is refused by name, also one that would broadcast', async t => {
  const { run, model } = await stage(t)
  const opened = await run({ rounds: 1, model: { name: 'linear', hidden: [5] } })
  const player = await opened.join('p', 4)
  const tasks = await Promise.all([0, 1, 2, 3].map(client => player.task(client)))
  // fc1: 4·5 + 5, fc2: 5·3 + 3. One value, one row, and one row too many of fc2.
  for (const [client, size] of [1, 3, 23].entries()) {
    const segments = [
      { name: 'block/fc1', size: 25 },
      { name: 'block/fc2', size },
    ]
    const refused = await player.send(tasks[client]!, { segments, values: new Float32Array(25 + size).fill(1) })
    assert.ok(!refused.ok)
    const { code, expected, received } = refused.error
    assert.deepEqual([code, expected, received], ['length_mismatch', '18 values in block/fc2', String(size)])
  }
  assert.equal(codeOf(await player.send(tasks[3]!)), 'counted')
  assert.equal((await opened.round(1)).clients.rejected, 3)
  assert.ok(distance(await model(opened.id), trained(tasks[3]!)) < 1e-6)
})
