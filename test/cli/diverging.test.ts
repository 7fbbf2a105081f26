import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { fedstrata, folderWithRun, start, TINY } from './cli.ts'

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
  // In words with counts and a hint: line by line, at the end, and afterwards.
  const { rejected, completed } = clients
  assert.equal(rounds[0]!.trainingDiverged, rejected)
  assert.match(
    stderr,
    new RegExp(`^round 1/1 .* clients ${completed} ok, ${rejected} rejected \\(${rejected} diverged\\)`, 'm'),
  )
  const summary = new RegExp(
    `^left out +${rejected} of 8 clients in round 1 of 1: .*training_diverged.*learningRate`,
    'm',
  )
  assert.match(stderr, summary)
  const shown = await fedstrata(t, folder, ['runs', 'show', runId])
  assert.match(shown.stdout, summary)
  assert.match(shown.stdout, new RegExp(`${completed} ok, ${rejected} rejected \\(${rejected} diverged\\)`))
})

/** One step a client, so that nobody's training notices; seven layers of weights near 1e6 leave no finite loss. */
const DEEP = {
  ...{ ...PLAIN, model: { name: 'mlp', hidden: [16, 16, 16, 16, 16, 16, 16] } },
  local: { optimizer: { name: 'sgd', learningRate: 1e6 }, batchSize: 400 },
}

for (const engine of ['cpu', 'wasm'])
  test(`on ${engine}: a global model without a finite loss fails the run after its round, which says so wherever it is told`, async t => {
    const folder = await folderWithRun(t, { ...DEEP, rounds: 3 })
    const words = ['--engine', engine, '--workers', '1']
    const { code, stdout, stderr } = await fedstrata(t, folder, ['simulate', 'tiny.json', '--json', ...words])
    assert.equal(code, 1, stderr)
    const report = runReportSchema.parse(JSON.parse(stdout))
    const { runId, status, finalRound, error, rounds } = report
    assert.deepEqual([status, finalRound, error?.code, rounds.length], ['failed', 1, 'model_diverged', 1])
    const { diverged, loss, accuracy } = rounds[0]!
    assert.deepEqual([diverged, loss, accuracy, rounds[0]!.engine], [true, null, null, engine])
    assert.match(stderr, /^round 1\/3 +loss diverged +accuracy – +clients 4 ok/m)
    assert.match(stderr, /^diverged +round 1 of 1: the global model had no finite loss there/m)
    assert.match(stderr, /model_diverged[\s\S]*learningRate[\s\S]*resumed, this one would end in the same way/)
    assert.doesNotMatch(stderr, /accuracy 0|go on with/)

    const shown = await fedstrata(t, folder, ['runs', 'show', runId])
    assert.match(shown.stdout, /^error .*\(model_diverged\)[\s\S]*^diverged +round 1[\s\S]*^ *1 +diverged +– +4 ok/m)
    const csv = await fedstrata(t, folder, ['runs', 'export', runId, 'rounds'])
    assert.match(csv.stdout, new RegExp(`^round,attempt,engine,diverged,loss,accuracy,.*\r\n1,1,${engine},1,,,`))
    const compared = await fedstrata(t, folder, ['compare', runId, runId])
    assert.match(compared.stdout, /1 \(failed\), 1 diverged/)

    const resumed = await fedstrata(t, folder, ['resume', runId, '--json', ...words])
    assert.equal(resumed.code, 1)
    assert.match(resumed.stderr, /model_diverged/)
    const after = await fedstrata(t, folder, ['runs', 'show', runId, '--json'])
    assert.deepEqual(JSON.parse(after.stdout), report)
  })

test('the last round is no exception; with onDivergence continue the run completes, and terminal and REST say that it diverged', async t => {
  const folder = await folderWithRun(t, { ...DEEP, rounds: 1 })
  const words = ['simulate', 'tiny.json', '--engine', 'cpu', '--workers', '1']
  const failed = await fedstrata(t, folder, words)
  assert.equal(failed.code, 1, failed.stderr)

  const going = start(t, folder, [...words, '--set', 'round.onDivergence=continue', '--serve'])
  const [, url] = await going.said(/serving at (\S+)/)
  const text = async (path: string) => (await fetch(new URL(`/api/v1/runs${path}`, url))).text()
  const get = async (path: string) => JSON.parse(await text(path)).items
  const [run] = await get('?limit=1')
  assert.deepEqual([run.status, run.error], ['completed', null])
  const [round] = await get(`/${run.id}/rounds`)
  assert.deepEqual([round.diverged, round.loss, round.accuracy, round.engine], [true, null, null, 'cpu'])
  assert.match(await text(`/${run.id}/events?from=1`), /event: round\ndata: .*"diverged":true/)
  const figure = await text(`/${run.id}/figures/accuracy.svg`)
  assert.match(figure, /<svg/)
  assert.doesNotMatch(figure, /NaN|undefined/)
  going.kill('SIGINT')
  const { code, stderr } = await going.finished
  assert.equal(code, 0, stderr)
  assert.match(stderr, /^completed +1 of 1 rounds\ndiverged +round 1 of 1: the global model had no finite loss/m)
})

test('when everyone diverges the run fails, and says that this is why and what to change', async t => {
  const { clients } = TINY
  const folder = await folderWithRun(t, { ...PLAIN, clients, rounds: 2, local: { ...HUGE, batchSize: 4 } })
  const { code, stdout, stderr } = await fedstrata(t, folder, ['simulate', 'tiny.json', '--json', '--workers', '1'])
  assert.equal(code, 1, stderr)
  const { error, finalRound } = runReportSchema.parse(JSON.parse(stdout))
  assert.deepEqual([error?.code, finalRound], ['quorum_missed', 0])
  assert.match(stderr, /4 rejected: training_diverged/)
  assert.match(stderr, /Client \d: .*NaN in local epoch 1, step \d+\. Lower local\.optimizer\.learningRate/)
  assert.doesNotMatch(stderr, /go on with/)
})
