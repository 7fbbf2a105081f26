import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { decodeTensors } from '../../src/core/safetensors.ts'
import { fedstrata, temporaryFolder } from './cli.ts'

/** 27 layers of batch normalisation, and so few batches that every round moves their variances far. */
const RUN = `
name: bn-negative-variance
seed: 1
rounds: 5
model: { name: mobilenet, width: 0.1, norm: batch }
data: { name: mnist-10k, train: 200, test: 50 }
partition: { name: iid }
clients: { total: 4, perRound: 2 }
local: { epochs: 1, batchSize: 8, optimizer: { name: sgd, learningRate: 0.05 } }
strategy: { preset: fedavgm }
evaluate: { clients: false }
barriers: { every: 0 }
`

test('server momentum and DARE leave no variance below zero, and no model that gives NaN', async t => {
  const folder = await temporaryFolder(t)
  await folder.write('run.yaml', RUN)
  async function run(...settings: readonly string[]) {
    const options = ['--json', '--workers', '1', '--engine', 'wasm', ...settings.flatMap(each => ['--set', each])]
    const { code, stdout, stderr } = await fedstrata(t, folder, ['simulate', 'run.yaml', ...options])
    assert.equal(code, 0, stderr)
    const { runId, rounds, modelFile } = runReportSchema.parse(JSON.parse(stdout))
    const { tensors } = decodeTensors(await readFile(join(folder.path, modelFile!)).catch(() => readFile(modelFile!)))
    const variances = tensors.filter(({ name }) => name.endsWith('/moving_variance')).flatMap(({ data }) => [...data])
    const exported = await fedstrata(t, folder, ['runs', 'export', runId, 'updates', '--json'])
    const updates = JSON.parse(exported.stdout) as { round: number; trainLoss: number }[]
    const last = updates.filter(({ round }) => round === 5).map(({ trainLoss }) => trainLoss)
    return {
      least: Math.min(...variances),
      losses: rounds.map(({ loss }) => loss ?? Number.NaN),
      loss: rounds.at(-1)!.loss!,
      trainLoss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
    }
  }
  const fedavg = await run('strategy.preset=fedavg')
  for (const strategy of ['strategy.preset=fedavgm', 'strategy.preset=dare']) {
    const { least, losses, trainLoss } = await run(strategy)
    assert.ok(least > 0, `${strategy}: a variance of ${least}`)
    for (const loss of losses) assert.ok(Number.isFinite(loss), `${strategy}: ${losses}`)
    // With the statistics of each batch the model is as good as FedAvg's: its weights are sound.
    assert.ok(Math.abs(trainLoss - fedavg.trainLoss) < 0.5, `${strategy}: ${trainLoss}, FedAvg ${fedavg.trainLoss}`)
  }
  // Momentum of ten updates carries weights beyond those that the clients' statistics describe. At FedAvg's pace it does not.
  const { loss } = await run('strategy={"server":[{"name":"momentum","learningRate":0.1}]}')
  assert.ok(Math.abs(loss - fedavg.loss) < 0.5, `${loss}, FedAvg ${fedavg.loss}`)
})
