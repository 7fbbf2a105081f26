import assert from 'node:assert/strict'
import { codeOf, fault, stage } from './stage.ts'

fault('an upload after its round was closed, before the next model is out, is told so', async t => {
  const { run } = await stage(t)
  const opened = await run({ rounds: 1, clients: { total: 3, perRound: 2 }, round: { overSelect: 1 } })
  const player = await opened.join('p', 3)
  const tasks = await Promise.all([0, 1, 2].map(client => player.task(client)))
  // One after another on one connection: the third is read while the first two are being averaged.
  const acks = await Promise.all(tasks.map(task => player.send(task)))
  assert.deepEqual(acks.map(codeOf), ['counted', 'counted', 'round_closed'])
  assert.deepEqual((await opened.round(1)).clients, { selected: 3, completed: 2, dropped: 1, rejected: 0 })
})
