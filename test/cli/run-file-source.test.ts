import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadRunFile } from '../../src/cli/run-file-source.ts'
import { type ErrorCode, FedError } from '../../src/core/errors.ts'
import { TINY, temporaryFolder } from './cli.ts'

const YAML = `name: tiny
seed: 1
rounds: 2
model: { name: mlp, hidden: [8] }
data: { name: mnist, dir: digits }
clients: { total: 4 }
`

describe('a run file', () => {
  test('in JSON with tabs is read as JSON is', async t => {
    const folder = await temporaryFolder(t)
    const file = await folder.write('run.json', JSON.stringify(TINY, null, '\t'))
    assert.deepEqual((await loadRunFile(file)).input, TINY)
  })

  test('has its relative paths from its own folder, those of --set too', async t => {
    const folder = await temporaryFolder(t)
    const file = await folder.write('run.yaml', YAML)
    assert.equal(pathIn((await loadRunFile(file)).input, 'data', 'dir'), join(folder.path, 'digits'))
    const other = ['model={ name: layersModel, path: ./net }', 'data.dir=/srv/mnist']
    const { input } = await loadRunFile(file, other)
    assert.equal(pathIn(input, 'model', 'path'), join(folder.path, 'net'))
    assert.equal(pathIn(input, 'data', 'dir'), '/srv/mnist')
  })

  test('keeps what was written: defaults are filled in for use, not for the record', async t => {
    const folder = await temporaryFolder(t)
    const { input, runFile } = await loadRunFile(await folder.write('run.yaml', YAML), ['rounds=7'])
    assert.deepEqual(Object.keys(input as object), ['name', 'seed', 'rounds', 'model', 'data', 'clients'].sort(byFile))
    assert.equal(runFile.rounds, 7)
    assert.equal(runFile.clients.perRound, 4)
  })

  const mistakes: readonly (readonly [title: string, text: string, sets: string[], code: ErrorCode, words: RegExp])[] =
    [
      ['no YAML', 'name: [unclosed\nseed: 1', [], 'run_file_invalid', /line 2, column 1/],
      ['a key twice', 'name: a\nname: b', [], 'run_file_invalid', /line 2, column 1: .*unique/],
      ['two documents', `${YAML}---\n${YAML}`, [], 'run_file_invalid', /line 7/],
      ['nothing', '', [], 'run_file_invalid', /top level.*expected object/s],
      ['a list', '- name: tiny', [], 'run_file_invalid', /expected object/],
      ['a missing seed', YAML.replace('seed: 1\n', ''), [], 'run_file_invalid', /seed: is missing/],
      [
        'a mistyped key',
        YAML.replace('rounds', 'ronds'),
        [],
        'run_file_invalid',
        /ronds: unknown key. Did you mean "rounds"/,
      ],
      ['a mistyped key inside', YAML, ['clients.perRond=2'], 'run_file_invalid', /clients.perRond: .*"perRound"/],
      ['a mistyped name', YAML, ['model.name=mpl'], 'run_file_invalid', /model.name: .*"mpl".*Did you mean "mlp"/],
      ['a number that is none', YAML, ['rounds=many'], 'run_file_invalid', /rounds: .*number.*got "many"/],
      ['a quorum above the cohort', YAML, ['round.quorum=5'], 'run_file_invalid', /round.quorum: .*at most.*4.*got 5/],
      ['a cohort above the clients', YAML, ['clients.perRound=9'], 'run_file_invalid', /clients.perRound: .*got 9/],
      ['an assignment without a value', YAML, ['rounds'], 'input_invalid', /--set rounds/],
    ]
  for (const [title, text, sets, code, words] of mistakes)
    test(`with ${title} is refused as ${code}, saying ${words}`, async t => {
      const folder = await temporaryFolder(t)
      const file = await folder.write('run.yaml', text)
      await assert.rejects(loadRunFile(file, sets), error => {
        assert.ok(error instanceof FedError)
        assert.equal(error.code, code)
        assert.match(error.message, words)
        return true
      })
    })

  test('a wrong key is blamed on the --set that brought it, else on the file', async t => {
    const folder = await temporaryFolder(t)
    const file = await folder.write('run.yaml', YAML)
    const detailOf = (sets: readonly string[]) =>
      loadRunFile(file, sets).then(
        () => assert.fail('it was accepted'),
        (error: FedError) => error.detail,
      )
    for (const set of ['roudns=2', 'rounds=none', 'nothing.at=all', 'partition={ name: iid, extra: 1 }']) {
      const { received, issues } = await detailOf([set])
      assert.equal(received, undefined)
      assert.ok(issues!.length > 0 && issues!.every(({ message }) => message.endsWith(` (in --set ${set})`)), set)
    }
    await folder.write('run.yaml', `${YAML}\nroudns: 2\n`)
    const { received, issues } = await detailOf(['rounds=none'])
    assert.equal(received, file)
    assert.deepEqual(issues!.map(({ path, message }) => [path, message.includes('(in --set rounds=none)')]).sort(), [
      ['roudns', false],
      ['rounds', true],
    ])
  })

  test('that is not there, or is a folder, says so', async t => {
    const folder = await temporaryFolder(t)
    for (const [path, words] of [
      [join(folder.path, 'no.yaml'), /no such file/],
      [folder.path, /a folder/],
    ] as const)
      await assert.rejects(
        loadRunFile(path),
        error => error instanceof FedError && error.code === 'file_unreadable' && words.test(error.message),
      )
  })
})

function pathIn(input: unknown, section: string, key: string): unknown {
  return (input as Record<string, Record<string, unknown>>)[section]?.[key]
}

function byFile(left: string, right: string): number {
  return YAML.indexOf(`${left}:`) - YAML.indexOf(`${right}:`)
}
