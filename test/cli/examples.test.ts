import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runReport } from '../../src/cli/report.ts'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { loadRunFile } from '../../src/cli/run-file-source.ts'
import { type ClientProcesses, startClientProcesses } from '../../src/main/client-processes.ts'
import { type Coordinator, startCoordinator } from '../../src/main/coordinator.ts'
import { simulate } from '../../src/main/simulate.ts'
import { projectRoot } from '../../src/main/version.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { sharedData, skipWithout } from '../helpers/shared-data.ts'
import { fedstrata, temporaryFolder } from './cli.ts'

const FOLDER = fileURLToPath(new URL('examples/', projectRoot))
const FILES = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'))
/** The workloads of the speed comparison: they need real data, which `npm run bench -- workloads` gives them. */
const BENCH = join(FOLDER, 'bench')
/** One file for each method of docs/methods.md that differs from FedAvg on the server. */
const METHODS = join(FOLDER, 'methods')
/** Has a test of its own. */
const MNIST = 'mnist.yaml'

describe('examples', () => {
  let coordinator: Coordinator
  let dataDir: string
  let standby: ClientProcesses
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'fedstrata-examples-'))
    coordinator = await startCoordinator({ host: '127.0.0.1', port: 0, dataDir, engine: 'auto' })
    standby = startClientProcesses(1, { engine: 'auto' })
  })
  after(async () => {
    await standby.close()
    await coordinator.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  test('are there, and each says what it shows', () => {
    assert.ok(FILES.length >= 5, FILES.join())
    for (const file of FILES) assert.match(readFileSync(join(FOLDER, file), 'utf8'), /^# \S.{30,}\n/, file)
  })

  for (const file of FILES.filter(name => name !== MNIST))
    test(`${file} runs`, async () => {
      const { input } = await loadRunFile(join(FOLDER, file), ['rounds=2', 'barriers.examples=100'])
      const { run, outcome, error } = await simulate(coordinator, input, { workers: 1, engine: 'auto', standby })
      assert.equal(outcome, 'completed', error?.message)
      const { rounds } = runReportSchema.parse(await runReport(coordinator.store, dataDir, run))
      assert.equal(rounds.length, 2)
      assert.ok(rounds[1]!.barriers.length > 0)
    })

  for (const file of readdirSync(METHODS))
    test(`methods/${file} runs`, async () => {
      const text = readFileSync(join(METHODS, file), 'utf8')
      assert.match(text, /^# \S.{30,}\n/)
      const set = ['rounds=2', 'data.train=1000', 'data.test=200', 'barriers.every=0']
      if (text.includes('dirichlet')) set.push('partition.minExamples=20')
      const { input } = await loadRunFile(join(METHODS, file), set)
      const { run, outcome, error } = await simulate(coordinator, input, { workers: 1, engine: 'auto', standby })
      assert.equal(outcome, 'completed', error?.message)
      const { rounds } = runReportSchema.parse(await runReport(coordinator.store, dataDir, run))
      assert.equal(rounds.length, 2)
      assert.ok(rounds.every(({ loss }) => Number.isFinite(loss)))
    })

  test('the workloads are what the comparison publishes, and each says what it expects', async () => {
    const published = {
      'w1.yaml': [109_386, 100, 10, 20],
      'w2.yaml': [225_034, 20, 5, 5],
      'w3.yaml': [77_706, 10, 5, 10],
    }
    assert.deepEqual(readdirSync(BENCH).sort(), Object.keys(published))
    for (const [file, figures] of Object.entries(published)) {
      const { runFile } = await loadRunFile(join(BENCH, file), ['data.dir=/somewhere'])
      const { model, data, clients, rounds, local } = runFile
      const inputShape = data.name === 'cifar10' ? [32, 32, 3] : [28, 28, 1]
      const network = await buildNetwork(model, { inputShape, numClasses: 10 })
      assert.deepEqual([network.layout.size, clients.total, clients.perRound, rounds], figures, file)
      network.dispose()
      assert.deepEqual([local.epochs, local.batchSize, local.optimizer.learningRate], [1, 32, 0.05])
      assert.deepEqual('dir' in data && data.dir, '/somewhere')
      assert.match(readFileSync(join(BENCH, file), 'utf8'), /Expected accuracy [\s\S]*--set data\.dir=/)
    }
  })

  test('w1.yaml runs on all of MNIST', { skip: skipWithout('mnist') }, async () => {
    const set = [`data.dir=${sharedData('mnist')}`, 'rounds=1', 'clients.perRound=2']
    const { input } = await loadRunFile(join(BENCH, 'w1.yaml'), set)
    const { run, outcome, error } = await simulate(coordinator, input, { workers: 1, engine: 'auto', standby })
    assert.equal(outcome, 'completed', error?.message)
    const { numExamples } = (await coordinator.store.updates(run, 1, { limit: 10 })).items[0]!
    assert.equal(numExamples, 600)
  })

  test('mnist.yaml, the main job, reaches an accuracy of 0.90 on real digits', async t => {
    const words = ['simulate', join(FOLDER, MNIST), '--json', '--set', 'barriers.every=4']
    const { code, stdout, stderr } = await fedstrata(t, await temporaryFolder(t), words)
    assert.equal(code, 0, stderr)
    const { rounds, finalRound } = runReportSchema.parse(JSON.parse(stdout))
    assert.ok((rounds.at(-1)?.accuracy ?? 0) >= 0.9, `${rounds.at(-1)?.accuracy} after round ${finalRound}`)
  })
})
