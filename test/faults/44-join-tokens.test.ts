import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import { noopTrainer } from '../../clients/noop-trainer.ts'
import { runClient } from '../../clients/worker.ts'
import { systemClock } from '../../src/main/clock.ts'
import type { JoinableRun } from '../../src/rounds/ports.ts'
import { temporaryFolder } from '../cli/cli.ts'
import { connectRaw, heard } from '../socket/harness.ts'
import { serve } from './serve.ts'
import { fault, QUICK, stage } from './stage.ts'

const backoff = { firstMs: 5, longestMs: 20 }

fault(
  'an expired token lets nobody in, a new one over REST does, and a run without clients waits meanwhile',
  async t => {
    let ahead = 0
    const clock = { ...systemClock, now: () => systemClock.now() + ahead, date: () => new Date(0) }
    const { coordinator, run, rest, url } = await stage(t, { clock, joinTokenTtlMs: 3_600_000 })
    const opened = await coordinator.runs.create({ ...QUICK, rounds: 1, clients: { total: 2 } })
    assert.equal(opened.joinTokenExpiresAt, '1970-01-01T01:00:00.000Z')
    const { id } = opened.run
    const client = { url, run: id, trainer: noopTrainer, backoff }
    ahead = 3_600_000
    await assert.rejects(runClient({ ...client, token: opened.joinToken }), { code: 'token_expired' })
    assert.equal((await coordinator.store.run(id)).status, 'waiting')

    const renewed = (await rest(`/api/v1/runs/${id}/join-token`, { method: 'POST' })).body as JoinableRun
    assert.equal(await runClient({ ...client, token: renewed.joinToken }), 'completed')
    await assert.rejects(coordinator.runs.renewToken(id, { drop: false }), { code: 'run_not_active' })
    await run() // the next run's token begins its own hour
  },
)

fault(
  'a revoked token lets nobody in again, and dropped clients leave with token_revoked; no log line holds a token',
  async t => {
    const lines: string[] = []
    const sink = new PassThrough()
    sink.on('data', line => lines.push(String(line)))
    const logged = (fits: (line: string) => boolean) =>
      new Promise<void>(resolve => sink.on('data', () => lines.some(fits) && resolve()))
    const { rest, run, url } = await stage(t, { log: pino({ level: 'trace' }, sink) })
    const opened = await run({ rounds: 1, clients: { total: 2 } })
    const inside = await opened.join('inside')
    const renew = async (query = '') =>
      ((await rest(`/api/v1/runs/${opened.id}/join-token${query}`, { method: 'POST' })).body as JoinableRun).joinToken
    const second = await renew()
    await inside.task(0) // it stays, and is given work
    const joined = logged(line => line.includes('client process joined') && line.includes('"dropped"'))
    const dropped = runClient({ url, run: opened.id, token: second, trainer: noopTrainer, process: 'dropped', backoff })
    await joined
    const third = await renew('?connected=drop')
    await assert.rejects(dropped, { code: 'token_revoked' })
    const socket = connectRaw(url, { run: opened.id, token: opened.joinToken, process: 'outside' })
    const [error] = await heard(socket, 'connect_error')
    assert.equal(error.data.code, 'token_revoked')
    assert.equal(await runClient({ url, run: opened.id, token: third, trainer: noopTrainer, backoff }), 'completed')

    const audit = lines.map(line => JSON.parse(line)).filter(({ audit }) => audit === 'join')
    assert.deepEqual(audit.at(-1).code, 'token_revoked')
    assert.deepEqual([audit.at(-1).run, /127\.0\.0\.1/.test(audit.at(-1).address)], [opened.id, true])
    for (const secret of [opened.joinToken, second, third]) assert.ok(!lines.join('').includes(secret))
  },
)

fault(
  'serve takes the life of join tokens from --join-token-ttl or the environment, and refuses what is no time',
  async t => {
    const folder = await temporaryFolder(t)
    const opened = async (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const { process, create } = await serve(t, folder, words, env)
      const { joinTokenExpiresAt } = (await create()) as JoinableRun
      process.kill('SIGTERM')
      assert.equal((await process.finished).code, 0)
      return joinTokenExpiresAt
    }
    assert.equal(await opened([]), null)
    assert.ok(Date.parse((await opened(['--join-token-ttl', '24h'])) ?? ''))
    assert.ok(Date.parse((await opened([], { FEDSTRATA_JOIN_TOKEN_TTL: '7d' })) ?? ''))
  },
)
