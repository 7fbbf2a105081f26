import assert from 'node:assert/strict'
import { temporaryFolder } from '../cli/cli.ts'
import { type OpenedRun, serve } from './serve.ts'
import { codeOf, fault } from './stage.ts'

fault(
  'SIGTERM in mid-round ends the coordinator cleanly with exit code 0, and the run goes on with the same round',
  async t => {
    const folder = await temporaryFolder(t)
    const first = await serve(t, folder)
    const opened = await first.create({ rounds: 1, clients: { total: 2 } })
    const player = await first.join(opened, 'p')
    assert.equal(codeOf(await player.send(await player.task(0))), 'counted')
    const told = new Promise(resolve => player.socket.once('run:end', resolve))
    first.process.kill('SIGTERM')
    assert.deepEqual(await told, { run: opened.run.id, outcome: 'stopped' })
    assert.equal((await first.process.finished).code, 0)

    const second = await serve(t, folder)
    const { id } = opened.run
    const { status, finalRound } = await second.get<OpenedRun['run']>(`/api/v1/runs/${id}`)
    assert.deepEqual([status, finalRound], ['stopped', 0])
    const again = await second.join(await second.post(`/api/v1/runs/${id}/resume`), 'p')
    for (const client of [0, 1]) assert.equal(codeOf(await again.send(await again.task(client))), 'counted')
    await new Promise(resolve => again.socket.once('run:end', resolve))
    second.process.kill('SIGTERM')
    assert.equal((await second.process.finished).code, 0)
  },
)
