import assert from 'node:assert/strict'
import { fault, stage } from './stage.ts'

fault('REST that is hammered while rounds are averaged answers every question, in pages that have a limit', async t => {
  const { run, rest } = await stage(t)
  const opened = await run({ rounds: 12, clients: { total: 8, perRound: 7 }, evaluate: { every: 1, clients: true } })
  const player = await opened.join('p', 8)
  player.work()
  const api = `/api/v1/runs/${opened.id}`
  let asked = 0
  const over = opened.ended().then(record => record.status)
  let status: string | null = null
  void over.then(outcome => {
    status = outcome
  })
  while (status === null)
    for (const answer of await Promise.all([
      ...[rest(`${api}/metrics?limit=1000`), rest(`${api}/rounds`), rest(`${api}/metrics?key=train/loss&limit=3`)],
      ...[rest('/api/v1/runs'), rest('/healthz'), rest('/readyz')],
    ])) {
      assert.equal(answer.status, 200)
      asked++
    }
  assert.equal(await over, 'completed')
  assert.ok(asked >= 6)
  assert.equal((await rest(`${api}/metrics?limit=1001`)).status, 400)
  assert.equal((await rest(`${api}/metrics?limit=10000000`)).status, 400)
  const { items, nextCursor } = (await rest(`${api}/metrics?limit=5`)).body as { items: unknown[]; nextCursor: string }
  assert.equal(items.length, 5)
  assert.notEqual(nextCursor, null)
})
