import assert from 'node:assert/strict'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { codeOf, fault, stage } from './stage.ts'

fault('a database that another process has locked delays the commit and nothing else, and no row is lost', async t => {
  const { run, rest, dataDir, coordinator } = await stage(t, {})
  const opened = await run({ rounds: 3, clients: { total: 1 } })
  const player = await opened.join('p')
  const first = await player.task(0)
  const other = await new PrismaLibSql({ url: `file:${dataDir}/fedstrata.db`, timeout: 1000 }).connect()
  await other.executeRaw({ sql: 'BEGIN IMMEDIATE', args: [], argTypes: [] })
  assert.equal(codeOf(await player.send(first)), 'counted')
  // Round 2 begins although round 1 cannot be committed, and REST reads on.
  assert.equal(codeOf(await player.send(await player.task(0, 2))), 'counted')
  assert.equal((await rest(`/api/v1/runs/${opened.id}/rounds`)).status, 200)
  assert.equal((await rest('/readyz')).status, 200)
  assert.equal((await coordinator.store.run(opened.id)).finalRound, 0)
  await other.executeRaw({ sql: 'ROLLBACK', args: [], argTypes: [] })
  await other.dispose()

  assert.equal(codeOf(await player.send(await player.task(0, 3))), 'counted')
  const { status, finalRound } = await opened.ended()
  assert.deepEqual([status, finalRound], ['completed', 3])
  const { items } = await coordinator.store.metrics(opened.id, { key: 'train/loss', limit: 100 })
  assert.deepEqual(
    items.map(({ round, client }) => [round, client]),
    [1, 2, 3].flatMap(round => [
      [round, null],
      [round, 0],
    ]),
  )
})

fault('twenty writes at once on a machine of two processors are all there', async t => {
  const { run, coordinator } = await stage(t)
  const runs = await Promise.all(
    Array.from({ length: 20 }, (_, seed) => run({ seed, rounds: 1, clients: { total: 1 } })),
  )
  await Promise.all(
    runs.map(async opened => {
      const player = await opened.join('p')
      player.work()
      assert.equal((await opened.ended()).status, 'completed')
    }),
  )
  for (const { id } of runs) assert.equal((await coordinator.store.rounds(id, { limit: 10 })).items.length, 1)
})
