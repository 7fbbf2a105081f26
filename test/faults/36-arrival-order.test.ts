import assert from 'node:assert/strict'
import { fault, stage } from './stage.ts'

fault('whatever the order of arrival, the aggregate is the same to the last bit', async t => {
  const { run, coordinator } = await stage(t)
  const hashes = new Set<string | undefined>()
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [2, 0, 3, 1],
    [1, 3, 0, 2],
  ]) {
    const opened = await run({ rounds: 2, partition: { name: 'dirichlet', dirichletAlpha: 0.5 } })
    const player = await opened.join('p', 4)
    for (const round of [1, 2]) for (const client of order) await player.send(await player.task(client, round))
    await opened.round(2)
    hashes.add((await coordinator.store.latestCheckpoint(opened.id))?.sha256)
  }
  assert.equal(hashes.size, 1)
})
