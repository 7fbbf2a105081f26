import assert from 'node:assert/strict'
import { fault, stage } from './stage.ts'

fault('the same run file twice chooses the same clients and deals the same data; another seed does not', async t => {
  const { run, coordinator } = await stage(t)
  async function play(seed: number) {
    const clients = { total: 12, perRound: 3 }
    const opened = await run({ seed, rounds: 3, clients, partition: { name: 'dirichlet', dirichletAlpha: 0.5 } })
    const player = await opened.join('p', 3)
    player.work()
    assert.equal((await opened.ended()).status, 'completed')
    const cohorts = player.tasks.map(({ round, client }) => [round, client])
    const { items } = await coordinator.store.clients(opened.id, { limit: 100 })
    return { cohorts, dealt: items.map(({ labelCounts }) => labelCounts) }
  }
  const [once, twice, other] = [await play(11), await play(11), await play(12)]
  assert.deepEqual(once, twice)
  assert.notDeepEqual(once.cohorts, other.cohorts)
  assert.notDeepEqual(once.dealt, other.dealt)
})
