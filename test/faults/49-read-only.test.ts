import assert from 'node:assert/strict'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NO_SMALL_DISK, readOnlyView, smallDisk } from '../helpers/small-disk.ts'
import { codeOf, fault, stage, temporaryDir } from './stage.ts'

fault('a database that cannot be written is refused at the start, with what to do, and stays as it is', async t => {
  const folder = await temporaryDir(t)
  const file = join(folder, 'runs.db')
  await (await stage(t, { databaseUrl: file })).close()
  const isRoot = process.getuid?.() === 0
  const view = isRoot ? readOnlyView(t, folder) : folder
  if (view === null) return t.skip(NO_SMALL_DISK)
  const before = readFileSync(file)
  if (!isRoot) chmodSync(file, 0o444)
  await assert.rejects(stage(t, { databaseUrl: join(view, 'runs.db') }), (thrown: Error & { code?: string }) => {
    assert.equal(thrown.code, 'database_invalid')
    assert.match(thrown.message, /runs\.db.*Check that the file and its folder can be written/s)
    return true
  })
  assert.ok(readFileSync(file).equals(before))
  if (!isRoot) chmodSync(file, 0o644)
  await (await stage(t, { databaseUrl: file })).close()
})

fault(
  'a data folder that becomes read-only in mid-run fails the run with the reason, and the run can go on',
  async t => {
    const isRoot = process.getuid?.() === 0
    const disk = isRoot ? smallDisk(t, 8) : null
    if (isRoot && disk === null) return t.skip(NO_SMALL_DISK)
    const dataDir = disk?.path ?? (await temporaryDir(t))
    const first = await stage(t, { dataDir, databaseUrl: join(await temporaryDir(t), 'runs.db') })
    const opened = await first.run({ rounds: 3, clients: { total: 1 } })
    const player = await opened.join('p')
    assert.equal(codeOf(await player.send(await player.task(0))), 'counted')
    await opened.round(1)
    const task = await player.task(0, 2)
    const setReadOnly = (readOnly: boolean) =>
      disk ? disk.setReadOnly(readOnly) : chmodSync(join(dataDir, 'runs', opened.id), readOnly ? 0o555 : 0o755)
    setReadOnly(true)
    assert.equal(codeOf(await player.send(task)), 'counted')
    const { status, error, finalRound } = await opened.ended()
    assert.deepEqual([status, error?.code, finalRound], ['failed', 'checkpoint_invalid', 1])
    assert.match(error?.message ?? '', /(EROFS|EACCES).*The checkpoint before it is kept/s)

    setReadOnly(false)
    const again = await first.resume(opened.id)
    const other = await again.join('p')
    for (const round of [2, 3]) assert.equal(codeOf(await other.send(await other.task(0, round))), 'counted')
    assert.deepEqual([(await again.ended()).status, (await again.ended()).finalRound], ['completed', 3])
  },
)
