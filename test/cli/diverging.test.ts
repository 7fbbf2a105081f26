import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { fedstrata, folderWithRun, TINY } from './cli.ts'

/** A rate at which the first step is finite, and a few steps later nothing is. */
const HUGE = { optimizer: { name: 'sgd', learningRate: 1e6 }, batchSize: 16 }
const PLAIN = { strategy: {}, evaluate: { clients: false }, barriers: { every: 0 } }

test('clients whose training leaves the finite numbers are rejected with that reason; the others count', async t => {
  // Very unequal clients: the small ones take too few steps to diverge.
  const folder = await folderWithRun(t, {
    ...PLAIN,
    ...{ rounds: 1, local: HUGE, clients: { total: 8 }, partition: { name: 'quantity' } },
  })
  const { code, stdout, stderr } = await fedstrata(t, folder, ['simulate', 'tiny.json', '--json', '--workers', '1'])
  assert.equal(code, 0, stderr)
  const { runId, rounds } = runReportSchema.parse(JSON.parse(stdout))
  const { clients } = rounds[0]!
  assert.ok(clients.completed > 0 && clients.rejected > 0 && clients.dropped === 0, JSON.stringify(clients))
  const exported = await fedstrata(t, folder, ['runs', 'export', runId, 'updates', '--json'])
  const updates = JSON.parse(exported.stdout) as { status: string; reason: string | null; numExamples: number | null }[]
  assert.equal(updates.length, 8)
  for (const { status, reason } of updates) assert.equal(reason, status === 'rejected' ? 'training_diverged' : null)
  assert.equal(updates.filter(({ status }) => status === 'rejected').length, clients.rejected)
})

test('when everyone diverges the run fails, and says that this is why and what to change', async t => {
  const { clients } = TINY
  const folder = await folderWithRun(t, { ...PLAIN, clients, rounds: 2, local: { ...HUGE, batchSize: 4 } })
  const { code, stdout, stderr } = await fedstrata(t, folder, ['simulate', 'tiny.json', '--json', '--workers', '1'])
  assert.equal(code, 1, stderr)
  const { error, finalRound } = runReportSchema.parse(JSON.parse(stdout))
  assert.deepEqual([error?.code, finalRound], ['quorum_missed', 0])
  assert.match(stderr, /4 rejected: training_diverged/)
  assert.match(stderr, /Client \d: .*NaN.*local\.optimizer\.learningRate/)
})
