import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fedstrata, folderWithRun } from './cli.ts'

interface Document {
  readonly probe: { readonly status: string; readonly done: number; readonly total: number }
  readonly barriers: readonly { readonly round: number; readonly path: string; readonly probe: number }[]
}

describe('probe', () => {
  test('measures rounds that are over against the database alone, and nothing twice; a run that kept nothing says how', async t => {
    const folder = await folderWithRun(t, { rounds: 2, barriers: { every: 0, keepModels: 'all', examples: 50 } })
    const simulated = await fedstrata(t, folder, ['simulate', 'tiny.json', '--json', '--workers', '1'])
    const { runId } = JSON.parse(simulated.stdout) as { runId: string }
    const words = ['probe', runId, '--rounds', '1-2', '--paths', 'full,layers', '--group', 'fc1', '--pairs', '2']
    const first = await fedstrata(t, folder, [...words, '--json'])
    assert.equal(first.code, 0, first.stderr)
    const { probe, barriers } = JSON.parse(first.stdout) as Document
    assert.deepEqual([probe.status, probe.done], ['completed', probe.total])
    // Two pairs in each of two rounds, each with the full path and one group into either model.
    assert.equal(barriers.length, 2 * 2 * 3)
    assert.match(first.stderr, /^probe 1 {2}completed/m)
    const again = await fedstrata(t, folder, words)
    assert.match(again.stdout, /has these barriers already/)
    const table = await fedstrata(t, folder, [
      'probe',
      runId,
      '--rounds',
      '2',
      '--interpolation',
      '5',
      '--paths',
      'full',
    ])
    assert.match(table.stdout, /^round +path +layer +base +between/)
    assert.match(table.stdout, /^ *2 +full +all +– +client\/\d – client\/\d +test +[+−]0\.\d{4}/m)

    const unknown = await fedstrata(t, folder, ['probe', runId, '--paths', 'layers', '--group', 'fc9'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /layer_unknown[\s\S]*fc9/)
    const bare = await fedstrata(t, folder, [
      ...['simulate', 'tiny.json', '--json', '--workers', '1', '--set', 'rounds=1'],
      ...['--set', 'barriers.keepModels=none'],
    ])
    const { runId: kept } = JSON.parse(bare.stdout) as { runId: string }
    const refused = await fedstrata(t, folder, ['probe', kept, '--json'])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /probe_models_missing[\s\S]*barriers\.keepModels/)
  })
})
