import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, fault, stage } from './stage.ts'

fault('a full disk fails the run with a clear reason, keeps the checkpoint before, and the run can go on', async t => {
  if (!existsSync('/dev/full')) return t.skip('this system has no /dev/full')
  const { run, resume, dataDir, coordinator, rest } = await stage(t)
  const opened = await run({ rounds: 3, clients: { total: 1 } })
  const folder = join(dataDir, 'runs', opened.id)
  mkdirSync(folder, { recursive: true })
  // Whatever is written under the temporary name of round 2's checkpoint meets a disk without space.
  const full = join(folder, 'round-0002.safetensors.tmp')
  symlinkSync('/dev/full', full)
  const player = await opened.join('p')
  for (const round of [1, 2]) assert.equal(codeOf(await player.send(await player.task(0, round))), 'counted')
  const { status, error, finalRound } = await opened.ended()
  assert.deepEqual([status, error?.code, finalRound], ['failed', 'checkpoint_invalid', 1])
  assert.match(error?.message ?? '', /ENOSPC.*The checkpoint before it is kept/s)
  assert.ok(readdirSync(folder).includes('round-0001.safetensors'))
  assert.equal((await rest('/readyz')).status, 200)
  assert.equal((await coordinator.store.rounds(opened.id, { limit: 10 })).items.length, 1)

  rmSync(full, { force: true })
  const again = await resume(opened.id)
  const second = await again.join('p')
  for (const round of [2, 3]) assert.equal(codeOf(await second.send(await second.task(0, round))), 'counted')
  assert.deepEqual((await again.ended()).finalRound, 3)
})
