import assert from 'node:assert/strict'
import { NO_POSTGRESQL, postgresqlServer } from '../helpers/postgresql-server.ts'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'a PostgreSQL server that goes away and comes back in mid-run delays a commit; every row is there once',
  async t => {
    const server = await postgresqlServer(t)
    if (server === null) return t.skip(NO_POSTGRESQL)
    await server.start()
    const { run, rest, coordinator } = await stage(t, { databaseUrl: server.url })
    const opened = await run({ rounds: 4, clients: { total: 1 } })
    const player = await opened.join('p')
    assert.equal(codeOf(await player.send(await player.task(0))), 'counted')
    await opened.round(1)

    await server.kill()
    // What was not answered in time is a clear refusal, and the round goes on.
    const asked = (await rest(`/api/v1/runs/${opened.id}`)) as { status: number; body: { code: string } }
    assert.deepEqual([asked.status, asked.body.code], [503, 'database_invalid'])
    assert.equal((await rest('/readyz')).status, 503)
    assert.equal(codeOf(await player.send(await player.task(0, 2))), 'counted')
    assert.equal(codeOf(await player.send(await player.task(0, 3))), 'counted')

    await server.start()
    assert.equal(codeOf(await player.send(await player.task(0, 4))), 'counted')
    const { status, finalRound, error } = await opened.ended()
    assert.deepEqual([status, finalRound, error], ['completed', 4, null])
    const { items } = await coordinator.store.metrics(opened.id, { key: 'train/loss', limit: 100 })
    assert.deepEqual(
      items.map(({ round, client }) => [round, client]),
      [1, 2, 3, 4].flatMap(round => [
        [round, null],
        [round, 0],
      ]),
    )
    assert.equal((await rest('/readyz')).status, 200)
  },
)
