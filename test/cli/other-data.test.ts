import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCoordinator } from '../../src/main/coordinator.ts'
import { digits, writeIdxFolder } from '../helpers/idx-folder.ts'
import { fedstrata, start, temporaryFolder } from './cli.ts'

const train = digits(60)
const DATA = { train, test: digits(12, 5) }
/** The same pictures, and two of the labels exchanged. */
const EXCHANGED = {
  ...DATA,
  train: { ...train, labels: train.labels.with(1, train.labels[2]!).with(2, train.labels[1]!) },
}
const FEWER = { ...DATA, train: digits(30) }

const runFile = (dir: string, changes: object = {}) => ({
  ...{ name: 'digits', seed: 3, rounds: 3, data: { name: 'mnist', dir }, model: { name: 'mlp', hidden: [4] } },
  ...{ clients: { total: 3 }, round: { retries: 0 }, barriers: { every: 0 } },
  ...changes,
})

test('a client process with other data is refused before it has a task, and the run goes on with the others', async t => {
  const folder = await temporaryFolder(t)
  const [right, exchanged, fewer] = [DATA, EXCHANGED, FEWER].map((data, i) =>
    writeIdxFolder(join(folder.path, `data-${i}`), data),
  )
  const coordinator = await startCoordinator({
    host: '127.0.0.1',
    port: 0,
    engine: 'cpu',
    dataDir: folder.path,
    dataRoot: folder.path,
  })
  t.after(() => coordinator.close())
  const { run, joinToken } = await coordinator.runs.create(runFile(right!))
  assert.match(run.dataSha256!, /^[0-9a-f]{64}$/)
  const ended = new Promise<string>(resolve =>
    coordinator.runs.subscribe(run.id, notice => {
      if (notice.type === 'status' && !['waiting', 'running'].includes(notice.status)) resolve(notice.status)
    }),
  )
  const client = (dir: string) => {
    const words = ['client', '--url', coordinator.url, '--run', run.id, '--clients', '3', '--engine', 'cpu']
    const env = { FEDSTRATA_JOIN_TOKEN: joinToken }
    return fedstrata(t, folder, [...words, '--data-dir', dir], env)
  }
  for (const dir of [exchanged, fewer]) {
    const { code, stderr } = await client(dir!)
    assert.equal(code, 2, stderr)
    assert.match(stderr, new RegExp(`data_mismatch[^]*${run.dataSha256}`))
  }
  assert.equal((await coordinator.store.run(run.id)).status, 'waiting', 'no task went out')
  const [good, bad] = await Promise.all([client(right!), client(exchanged!)])
  assert.equal(good.code, 0, good.stderr)
  assert.equal(await ended, 'completed')
  assert.ok([0, 2].includes(bad.code!), 'refused, or told that the run is over')
  const updates = await Promise.all(
    [1, 2, 3].map(async round => (await coordinator.store.updates(run.id, round, { limit: 10 })).items),
  )
  assert.equal(new Set(updates.flat().map(({ process }) => process)).size, 1)
  assert.deepEqual(
    updates.flat().map(({ numExamples }) => numExamples),
    Array(9).fill(20),
  )
})

test('a run goes on, and is probed, on the data that it began with only', async t => {
  const folder = await temporaryFolder(t)
  const dir = writeIdxFolder(join(folder.path, 'data'), DATA)
  const barriers = { every: 0, keepModels: 'all' }
  await folder.write('run.json', JSON.stringify(runFile(dir, { rounds: 400, barriers })))
  const running = start(t, folder, ['simulate', 'run.json', '--json', '--workers', '1', '--engine', 'cpu'])
  await running.said(/round 2\/400/)
  running.kill('SIGINT')
  const { stdout } = await running.finished
  const { runId, status, dataSha256, finalRound } = JSON.parse(stdout)
  assert.equal(status, 'stopped')
  const probe = ['probe', runId, '--rounds', '1', '--between', 'global', '--engine', 'cpu']
  const resume = ['resume', runId, '--json', '--workers', '1', '--engine', 'cpu']

  writeIdxFolder(dir, EXCHANGED)
  for (const words of [probe, resume]) {
    const { code, stderr } = await fedstrata(t, folder, words)
    assert.equal(code, 2, stderr)
    assert.match(stderr, new RegExp(`data_mismatch[^]*expected: data with SHA-256 ${dataSha256}`))
  }
  const shown = await fedstrata(t, folder, ['runs', 'show', runId, '--json'])
  const after = JSON.parse(shown.stdout)
  assert.deepEqual([after.status, after.finalRound, after.dataSha256], ['stopped', finalRound, dataSha256])

  writeIdxFolder(dir, DATA)
  assert.equal((await fedstrata(t, folder, probe)).code, 0)
  const again = start(t, folder, resume)
  await again.said(new RegExp(`round ${finalRound + 2}/400`))
  again.kill('SIGINT')
  const resumed = JSON.parse((await again.finished).stdout)
  assert.equal(resumed.dataSha256, dataSha256)
  assert.ok(resumed.finalRound > finalRound)
})
