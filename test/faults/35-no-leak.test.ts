import assert from 'node:assert/strict'
import { fault, stage } from './stage.ts'

fault('a hundred rounds leave as many tensors on the engine as ten', async t => {
  const { run, coordinator } = await stage(t)
  const barriers = { every: 1, between: ['clients', 'global'], examples: 12 }
  const opened = await run({ rounds: 100, barriers, evaluate: { every: 1, clients: true } })
  const player = await opened.join('p', 4)
  player.work()
  await opened.round(10)
  const early = await coordinator.memory()
  assert.equal((await opened.ended()).status, 'completed', opened.notices.at(-1)?.type)
  const { tensors } = await coordinator.memory()
  // When the run is over its network is let go; while it goes on nothing may be added.
  assert.ok(tensors <= early.tensors, `${early.tensors} tensors after round 10, ${tensors} after round 100`)
})
