import assert from 'node:assert/strict'
import { codeOf, fault, stage } from './stage.ts'

fault('an upload for a round that is yet to come, or for none, is refused and changes nothing', async t => {
  const { run, coordinator } = await stage(t)
  const opened = await run({ rounds: 2, clients: { total: 1 } })
  const player = await opened.join('p')
  const task = await player.task(0)
  const refused: [round: unknown, code: string][] = [
    [2, 'future_round'],
    [2 ** 40, 'future_round'],
    [0, 'round_closed'],
    [-1, 'message_invalid'],
    [1.5, 'message_invalid'],
  ]
  for (const [round, code] of refused) assert.equal(codeOf(await player.send(task, { round })), code, String(round))
  assert.equal((await coordinator.store.run(opened.id)).finalRound, 0)
  assert.equal(codeOf(await player.send(task)), 'counted')
  assert.equal((await opened.round(1)).clients.completed, 1)
})
