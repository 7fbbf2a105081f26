import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runReportSchema } from '../../src/cli/report-schema.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { fedstrata, folderWithRun } from './cli.ts'

/** Two engines add the same float32 numbers in another order: relative to 1 over the steps of a short run. */
const TOLERANCE = 1e-5

describe('a run on webgpu', { skip: withoutSoftwareAdapter() }, () => {
  test('has the learning curve and the barriers that it has on wasm', async t => {
    const folder = await folderWithRun(t, {
      rounds: 3,
      data: { name: 'synthetic', train: 90, test: 40, dimension: 12, classes: 4, spread: 2 },
      clients: { total: 3, perRound: 2 },
      strategy: { preset: 'fedavg' },
      evaluate: { clients: false },
      barriers: { every: 3, examples: 20, paths: ['full'] },
    })
    const curves = []
    for (const engine of ['wasm', 'webgpu']) {
      const words = ['simulate', 'tiny.json', '--json', '--workers', '1', '--engine', engine]
      const { code, stdout, stderr } = await fedstrata(t, folder, words)
      assert.equal(code, 0, stderr)
      const report = runReportSchema.parse(JSON.parse(stdout))
      assert.deepEqual([report.engine, report.status], [engine, 'completed'])
      curves.push(
        report.rounds.flatMap(({ loss, accuracy, barriers }) => [
          loss ?? Number.NaN,
          accuracy ?? Number.NaN,
          ...barriers.flatMap(barrier => [...barrier.loss, ...barrier.error]),
        ]),
      )
    }
    const [wasm, webgpu] = curves as [number[], number[]]
    assert.equal(webgpu.length, wasm.length)
    assert.ok(wasm.length > 3 * 2 + 2, 'the curve of a barrier is there too')
    for (const [i, value] of wasm.entries())
      assert.ok(Math.abs(webgpu[i]! - value) <= TOLERANCE * Math.max(1, value), `${i}: ${webgpu[i]} against ${value}`)
    assert.ok(wasm[4]! < wasm[0]!, `the loss falls: ${wasm[0]} to ${wasm[4]}`)
  })
})
