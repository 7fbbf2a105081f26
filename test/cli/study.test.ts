import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadStudy } from '../../src/cli/study-source.ts'
import { projectRoot } from '../../src/main/version.ts'
import { parseXml } from '../figures/xml.ts'
import { fedstrata, folderWithRun } from './cli.ts'

interface Cell {
  readonly variant: string
  readonly condition: string
  readonly runs: readonly string[]
  readonly accuracy: { readonly mean: number; readonly standardDeviation: number | null }
}

test('a study runs each combination, is drawn and compared, and does not run again what is there', async t => {
  // With its default filled in, perRound has another place among the keys.
  const folder = await folderWithRun(t, { rounds: 2, strategy: {}, clients: { total: 4 } })
  const study = {
    name: 'little',
    run: 'tiny.json',
    variants: { all: {}, none: { strategy: { layers: [{ match: '*', average: 'none' }] } } },
    conditions: { even: {} },
    seeds: [1, 2],
  }
  await folder.write('study.json', JSON.stringify(study))
  const words = ['study', 'study.json', '--workers', '1', '--figure', 'study.svg']
  const first = await fedstrata(t, folder, [...words, '--json'])
  assert.equal(first.code, 0, first.stderr)
  const { status, cells } = JSON.parse(first.stdout) as { status: string; cells: Cell[] }
  assert.equal(status, 'completed')
  assert.deepEqual(
    cells.map(({ variant, condition, runs }) => [variant, condition, runs.length]),
    [
      ['all', 'even', 2],
      ['none', 'even', 2],
    ],
  )
  const drawn = parseXml(readFileSync(join(folder.path, 'study.svg'), 'utf8')).map(({ text }) => text)
  for (const word of ['little: local and global accuracy', 'all', 'none', 'even']) assert.ok(drawn.includes(word), word)

  // One more seed: what is there stays, and only its two runs are run.
  await folder.write('study.json', JSON.stringify({ ...study, seeds: [1, 2, 3] }))
  const second = await fedstrata(t, folder, words)
  assert.equal(second.code, 0, second.stderr)
  assert.deepEqual(
    [...second.stderr.matchAll(/seed (\d): already done/g)].map(([, seed]) => seed),
    ['1', '2', '1', '2'],
  )
  assert.match(second.stdout, /^condition +variant +seeds +local accuracy/)
  assert.match(second.stdout, /^even +all +3 +0\.\d{4} ± 0\.\d{4}/m)

  const runs = cells.flatMap(cell => cell.runs)
  const compared = await fedstrata(t, folder, ['compare', ...runs, '--json'])
  const comparison = JSON.parse(compared.stdout) as {
    differing: string[]
    runs: { accuracy: number; strategy: string }[]
    groups: Cell[]
  }
  assert.deepEqual(comparison.differing, ['seed'])
  const strategies = comparison.runs.map(({ strategy }) => strategy)
  assert.deepEqual(strategies.slice(1, 3), ['fedavg', 'layers: [{ match: *, average: none }]'])
  assert.deepEqual(
    comparison.groups.map(({ accuracy }) => accuracy),
    cells.map(({ accuracy }) => accuracy),
  )
  const [a, b] = comparison.runs
  assert.ok(Math.abs(cells[0]!.accuracy.mean - (a!.accuracy + b!.accuracy) / 2) < 1e-12)
  const table = await fedstrata(t, folder, ['compare', ...runs])
  assert.match(table.stdout, /^run +name +strategy +seed +rounds +accuracy +models +best +loss/)
  assert.match(
    (await fedstrata(t, folder, ['compare', ...runs, '--by-seed'])).stdout,
    /^name +strategy +seeds +accuracy/,
  )
  const csv = await fedstrata(t, folder, ['compare', ...runs, '--by-seed', '--format', 'csv'])
  assert.equal(csv.stdout.split('\r\n').length, 4)
  assert.equal((await fedstrata(t, folder, ['compare', 'nobody'])).code, 2)
})

test('a study that cannot be read says what is wrong', async t => {
  const folder = await folderWithRun(t)
  const none = await fedstrata(t, folder, ['study', 'nowhere.yaml'])
  assert.deepEqual(none.code, 2)
  assert.match(none.stderr, /expected: a study at .*nowhere\.yaml/)
  const unwritable = await fedstrata(t, folder, ['study', 'nowhere.yaml', '--figure', 'no/where.svg'])
  assert.match(unwritable.stderr, /input_invalid.*after --figure.*no such file/s)
  await folder.write('study.yaml', 'name: x\nrun: tiny.json\nvariant: {}\nconditions: { a: {} }\nseeds: [1]\n')
  const wrong = await fedstrata(t, folder, ['study', 'study.yaml', '--json'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /variants: is missing.*variant: unknown key\. Did you mean "variants"\?/s)
})

test('the study in examples/ is six methods under six partitions with three seeds', async () => {
  const file = fileURLToPath(new URL('examples/studies/barrier-driven/study.yaml', projectRoot))
  const { study, plan } = await loadStudy(file, [])
  const { variants, conditions, seeds } = study
  const counts = [variants, conditions, seeds].map(part => Object.keys(part).length)
  assert.deepEqual([...counts, plan.length], [6, 6, 3, 108])
  assert.equal(new Set(plan.map(({ runFile }) => JSON.stringify(runFile))).size, 108)
})

test('a combination that cannot be opened is listed as failed, and the others go on', async t => {
  const folder = await folderWithRun(t, { rounds: 1, strategy: {}, barriers: { every: 0 } })
  const study = {
    name: 'little',
    run: 'tiny.json',
    variants: { all: {} },
    conditions: { many: { partition: { name: 'classes', classesPerClient: 20 } }, even: {} },
    seeds: [1],
  }
  await folder.write('study.json', JSON.stringify(study))
  const words = ['study', 'study.json', '--workers', '1']
  const { code, stdout, stderr } = await fedstrata(t, folder, [...words, '--json'])
  assert.equal(code, 1, stderr)
  const { status, cells, failed } = JSON.parse(stdout) as {
    status: string
    cells: Cell[]
    failed: { variant: string; condition: string; seed: number; run: string | null; error: { code: string } }[]
  }
  assert.equal(status, 'failed')
  assert.deepEqual(
    cells.map(({ condition, runs }) => [condition, runs.length]),
    [['even', 1]],
  )
  assert.deepEqual(
    failed.map(({ variant, condition, seed, run, error }) => [variant, condition, seed, run, error.code]),
    [['all', 'many', 1, null, 'data_invalid']],
  )
  assert.match(stderr, /^1\/2 +all, many, seed 1: failed +data_invalid$/m)
  assert.match(stderr, /^failed: all, many, seed 1\n[\s\S]*data_invalid/m)

  for (const set of ['seed=4', 'name=other']) {
    const refused = await fedstrata(t, folder, [...words, '--set', set])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /input_invalid/)
    assert.ok(refused.stderr.includes(`--set ${set}`), refused.stderr)
  }
})
