import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { fedstrata, temporaryFolder } from './cli.ts'

const SMALL = ['rounds=2', 'data.train=1200', 'data.test=300', 'barriers.examples=100'].flatMap(set => ['--set', set])

const value = z.number().min(-1).max(1)
const comparedSchema = z.strictObject({
  runId: z.string(),
  name: z.string(),
  rounds: z.array(
    z.strictObject({
      round: z.int(),
      loss: z.number(),
      accuracy: value,
      clientAccuracy: value,
      fullBarrier: value,
      layerBarriers: z.strictObject({ fc1: value, fc2: value, fc3: value }),
    }),
  ),
})

test('demo compares full and layer-wise averaging on real digits', async t => {
  const folder = await temporaryFolder(t)
  const json = await fedstrata(t, folder, ['demo', '--json', ...SMALL])
  assert.equal(json.code, 0, json.stderr)
  const document = z
    .strictObject({ runs: z.array(runReportSchema), comparison: z.array(comparedSchema), database: z.string() })
    .parse(JSON.parse(json.stdout))
  assert.deepEqual(
    document.comparison.map(({ name, rounds }) => [name, rounds.length]),
    [
      ['all layers', 2],
      ['fc3 stays local', 2],
    ],
  )
  // Both begin from the same model and the same clients: before anything is averaged, their barriers are the same.
  assert.deepEqual(document.runs[0]!.rounds[0]!.barriers, document.runs[1]!.rounds[0]!.barriers)
})
