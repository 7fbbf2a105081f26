import assert from 'node:assert/strict'
import { openStore } from '../../src/store/open.ts'
import { refuses } from '../store/contract.ts'
import { HOLDER } from '../store/samples.ts'
import { codeOf, fault, stage, temporaryDir } from './stage.ts'

fault(
  'two coordinators on one database never drive the same run: the second is told who does, and until when',
  async t => {
    const dataDir = await temporaryDir(t)
    const [first, second] = [await stage(t, { dataDir }), await stage(t, { dataDir })]
    const run = await first.run({ clients: { total: 1 } })
    const player = await run.join('p')
    await player.task(0)
    for (const act of ['resume', 'stop', 'join-token']) {
      const { status, body } = await second.rest(`/api/v1/runs/${run.id}/${act}`, { method: 'POST' })
      assert.deepEqual([status, (body as { code: string }).code], [409, 'run_held'], act)
      assert.match(JSON.stringify(body), new RegExp(`held by process ${process.pid} on .* until 20`))
    }
    player.work()
    assert.equal((await run.ended()).status, 'completed')

    // Of several that want a stopped run one gets it.
    const stopped = await first.run({ clients: { total: 1 } })
    await first.coordinator.runs.stop(stopped.id)
    const opened = await Promise.allSettled([second.resume(stopped.id), first.resume(stopped.id)])
    const [won] = opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    for (const result of opened) if (result.status === 'rejected') refuses('run_held')(result.reason)
    assert.equal(opened.filter(({ status }) => status === 'fulfilled').length, 1)
    ;(await won!.join('p')).work()
    assert.deepEqual([(await won!.ended()).status, (await won!.ended()).finalRound], ['completed', 2])
  },
)

fault('a coordinator that was thought dead and is not adds nothing to the run that another has', async t => {
  const { run, dataDir, coordinator } = await stage(t)
  const opened = await run({ rounds: 3, clients: { total: 1 } })
  const player = await opened.join('p')
  await player.send(await player.task(0))
  await opened.round(1)
  const store = await openStore({ dataDir })
  t.after(() => store.close())
  assert.equal(await store.takeRun(opened.id, HOLDER, await store.lease(opened.id)), true)
  assert.equal(codeOf(await player.send(await player.task(0, 2))), 'counted')
  const notice = await opened.notice(item => item.type === 'status' && item.status === 'failed')
  assert.equal(notice.type === 'status' && notice.error?.code, 'run_held')
  const { status, finalRound, error } = await store.run(opened.id)
  assert.deepEqual([status, finalRound, error], ['running', 1, null])
  assert.equal((await store.updates(opened.id, 1, { limit: 9 })).items.length, 1)
  assert.equal(coordinator.runs.active(), 0)
  await store.updateRun(opened.id, { status: 'stopped', holder: null }, HOLDER.id)
})
