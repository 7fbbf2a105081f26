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
import { type Coordinator, startCoordinator } from '../../src/main/coordinator.ts'
import { simulate } from '../../src/main/simulate.ts'
import { projectRoot } from '../../src/main/version.ts'
import { fedstrata, temporaryFolder } from './cli.ts'

const FOLDER = fileURLToPath(new URL('examples/', projectRoot))
const FILES = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'))
/** Has a test of its own. */
const MNIST = 'mnist.yaml'

describe('examples', () => {
  let coordinator: Coordinator
  let dataDir: string
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'fedstrata-examples-'))
    coordinator = await startCoordinator({ host: '127.0.0.1', port: 0, dataDir, engine: 'auto' })
  })
  after(async () => {
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
      const { run, outcome, error } = await simulate(coordinator, input, { workers: 1, engine: 'auto' })
      assert.equal(outcome, 'completed', error?.message)
      const { rounds } = runReportSchema.parse(await runReport(coordinator.store, dataDir, run))
      assert.equal(rounds.length, 2)
      assert.ok(rounds[1]!.barriers.length > 0)
    })

  test('mnist.yaml, the main job, reaches an accuracy of 0.90 on real digits', async t => {
    const words = ['simulate', join(FOLDER, MNIST), '--json', '--set', 'barriers.every=4']
    const { code, stdout, stderr } = await fedstrata(t, await temporaryFolder(t), words)
    assert.equal(code, 0, stderr)
    const { rounds, finalRound } = runReportSchema.parse(JSON.parse(stdout))
    assert.ok((rounds.at(-1)?.accuracy ?? 0) >= 0.9, `${rounds.at(-1)?.accuracy} after round ${finalRound}`)
  })
})
