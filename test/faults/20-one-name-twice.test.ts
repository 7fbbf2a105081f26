import assert from 'node:assert/strict'
import { heard } from '../socket/harness.ts'
import { codeOf, fault, stage } from './stage.ts'

fault('of two live connections with one name the newer wins, and the older is told why it ends', async t => {
  const { run } = await stage(t)
  const opened = await run({ rounds: 1, clients: { total: 2 } })
  const older = await opened.join('twin', 2)
  await older.task(1)
  const [replaced, gone] = [heard(older.socket, 'run:replaced'), heard(older.socket, 'disconnect')]
  const newer = await opened.join('twin', 2)
  assert.deepEqual(await replaced, [{ run: opened.id }])
  await gone
  for (const client of [0, 1]) assert.equal(codeOf(await newer.send(await newer.task(client))), 'counted')
  assert.equal((await opened.round(1)).clients.completed, 2)
})
