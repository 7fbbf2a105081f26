import assert from 'node:assert/strict'
import { fault, stage } from './stage.ts'

fault(
  'an unhandled rejection in the compute worker fails the run with a code; REST serves on, and the next run computes',
  async t => {
    const computeProgram = new URL('./crashing-worker.js', import.meta.url)
    const { run, rest, resume } = await stage(t, { computeProgram })
    const opened = await run({ rounds: 2, name: 'crash in round 2', clients: { total: 1 } })
    const player = await opened.join('p')
    player.work()
    const { status, error, finalRound } = await opened.ended()
    assert.deepEqual([status, error?.code], ['failed', 'compute_failed'])
    assert.match(error?.message ?? '', /nobody caught this/)
    assert.ok(finalRound <= 1)
    assert.equal((await rest(`/api/v1/runs/${opened.id}`)).status, 200)
    assert.equal((await rest('/readyz')).status, 200)

    const next = await run({ rounds: 2, clients: { total: 1 } })
    const healthy = await next.join('p')
    healthy.work()
    assert.equal((await next.ended()).status, 'completed')
    assert.equal((await resume(opened.id)).id, opened.id)
  },
)
