import assert from 'node:assert/strict'
import { codeOf, distance, fault, stage, trained, weightedMean } from './stage.ts'

fault('other bytes for a task that was answered are refused: the first upload counts', async t => {
  const { run, model } = await stage(t)
  const opened = await run({ rounds: 1, clients: { total: 2 } })
  const player = await opened.join('p', 2)
  const [first, second] = [await player.task(0), await player.task(1)]
  assert.equal(codeOf(await player.send(first)), 'counted')
  assert.equal(codeOf(await player.send(first, { values: first.global.map(() => 9) })), 'duplicate_conflict')
  assert.equal(codeOf(await player.send(second)), 'counted')

  assert.equal((await opened.round(1)).clients.completed, 2)
  assert.ok(distance(await model(opened.id), weightedMean([first, second].map(task => [trained(task), 15]))) < 1e-6)
})
