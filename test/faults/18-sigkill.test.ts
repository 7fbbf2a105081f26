import assert from 'node:assert/strict'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MetricRecord } from '../../src/core/records.ts'
import { thisProcess } from '../../src/store/leases.ts'
import { temporaryFolder } from '../cli/cli.ts'
import { type OpenedRun, serve } from './serve.ts'
import { codeOf, distance, fault, stage } from './stage.ts'

fault('SIGKILL in mid-round loses nothing before that round, and the resumed run has every row once', async t => {
  const folder = await temporaryFolder(t)
  const first = await serve(t, folder)
  const opened = await first.create({ rounds: 3, clients: { total: 2 } })
  const { id } = opened.run
  const player = await first.join(opened, 'p')
  for (const client of [0, 1]) await player.send(await player.task(client))
  const before = await player.task(0, 2)
  assert.equal(codeOf(await player.send(before)), 'counted')
  const rounds = () => first.get<{ items: unknown[] }>(`/api/v1/runs/${id}/rounds`)
  while ((await rounds()).items.length === 0); // round 1 is committed behind the start of round 2
  first.process.kill('SIGKILL')
  await first.process.finished
  // What a kill in the midst of a checkpoint leaves.
  writeFileSync(join(folder.path, 'var', 'runs', id, 'round-0002.safetensors.tmp'), 'half')

  const second = await serve(t, folder)
  const left = await second.get<OpenedRun['run']>(`/api/v1/runs/${id}`)
  assert.equal(left.finalRound, 1)
  // Elsewhere a process that is gone is believed so when its lease is over.
  if (thisProcess() !== null) assert.equal(left.status, 'interrupted')
  const again = await second.join(await second.post(`/api/v1/runs/${id}/resume`), 'p')
  const same = await again.task(0, 2)
  assert.equal(distance(same.global, before.global), 0)
  const ended = new Promise(resolve => again.socket.once('run:end', resolve))
  again.work()
  assert.deepEqual(await ended, { run: id, outcome: 'completed' })
  const { items } = await second.get<{ items: MetricRecord[] }>(`/api/v1/runs/${id}/metrics?limit=1000`)
  const names = items.map(({ round, key, client, layer, split }) => [round, key, client, layer, split].join(' '))
  assert.equal(new Set(names).size, names.length)
  for (const round of [1, 2, 3])
    for (const client of [0, 1]) assert.ok(names.includes(`${round} train/loss ${client}  `))
  assert.deepEqual(readdirSync(join(folder.path, 'var', 'runs', id)), [
    ...[
      'round-0002.safetensors',
      'round-0002.state.safetensors',
      'round-0003.safetensors',
      'round-0003.state.safetensors',
    ],
  ])
})

for (const [damage, spoil] of [
  [
    'with a changed byte',
    (file: string) =>
      writeFileSync(
        file,
        readFileSync(file).map((byte, i) => (i === 200 ? ~byte : byte)),
      ),
  ],
  ['cut short', (file: string) => truncateSync(file, 40)],
] as const)
  fault(
    `a checkpoint ${damage} is noticed by its hash, and the one before it is used; the rounds after it come out the same`,
    async t => {
      const { run, resume, dataDir, coordinator } = await stage(t)
      const { store } = coordinator
      const opened = await run({ rounds: 3, clients: { total: 1 } })
      const player = await opened.join('p')
      for (const round of [1, 2]) await player.send(await player.task(0, round))
      await opened.round(2)
      const [before, metrics] = [
        await store.latestCheckpoint(opened.id),
        await store.metrics(opened.id, { key: 'eval/loss', limit: 9 }),
      ]
      await coordinator.runs.stop(opened.id)
      spoil(join(dataDir, before!.file))

      const again = await resume(opened.id)
      assert.equal((await store.run(opened.id)).finalRound, 1)
      const other = await again.join('p')
      await other.send(await other.task(0, 2))
      await again.round(2)
      assert.deepEqual(await store.latestCheckpoint(opened.id), before)
      assert.deepEqual(await store.metrics(opened.id, { key: 'eval/loss', limit: 9 }), metrics)
      await other.send(await other.task(0, 3))
      assert.equal((await again.ended()).finalRound, 3)
    },
  )
