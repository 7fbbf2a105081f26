import assert from 'node:assert/strict'
import { join } from 'node:path'
import { NO_SMALL_DISK, smallDisk } from '../helpers/small-disk.ts'
import { codeOf, fault, stage } from './stage.ts'

fault(
  'a disk that is full under the database fails the run with the reason; what was committed is there, and it goes on',
  async t => {
    const disk = smallDisk(t, 4)
    if (disk === null) return t.skip(NO_SMALL_DISK)
    const { run, resume, rest, coordinator } = await stage(t, { databaseUrl: join(disk.path, 'runs.db') })
    const opened = await run({ rounds: 3, clients: { total: 1 } })
    const player = await opened.join('p')
    assert.equal(codeOf(await player.send(await player.task(0))), 'counted')
    await opened.round(1)
    const metrics = () => coordinator.store.metrics(opened.id, { limit: 1000 })
    const before = (await metrics()).items
    const task = await player.task(0, 2)
    disk.fill()
    assert.equal(codeOf(await player.send(task)), 'counted')
    // Whoever waits for the end hears of it, though it cannot be written either.
    const end = await opened.notice(notice => notice.type === 'status' && notice.status === 'failed')
    assert.equal(end.type === 'status' && end.error?.code, 'database_invalid')
    assert.match(String(end.type === 'status' && end.error?.message), /full.*Free some space/s)
    assert.equal((await rest(`/api/v1/runs/${opened.id}/rounds`)).status, 200)
    assert.deepEqual((await metrics()).items, before)

    disk.free()
    const again = await resume(opened.id)
    const other = await again.join('p')
    for (const round of [2, 3]) assert.equal(codeOf(await other.send(await other.task(0, round))), 'counted')
    const { status, finalRound, error } = await again.ended()
    assert.deepEqual([status, finalRound, error], ['completed', 3, null])
    const rows = (await metrics()).items
    assert.deepEqual(rows.slice(0, before.length), before)
    assert.equal(rows.length, 3 * before.length)
  },
)
