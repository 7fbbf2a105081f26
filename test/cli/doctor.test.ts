import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openStore } from '../../src/store/open.ts'
import { newRun } from '../store/samples.ts'
import { fedstrata, temporaryFolder } from './cli.ts'

interface Finding {
  readonly check: string
  readonly status: string
  readonly found: string
  readonly advice?: string
}

const examined = (stdout: string) => (JSON.parse(stdout) as { findings: readonly Finding[] }).findings
const ASKED = ['doctor', '--engine', 'cpu', '--port', '0']

describe('fedstrata doctor', { concurrency: 2 }, () => {
  test('finds a machine sound, one line a check, and leaves nothing behind', async t => {
    const folder = await temporaryFolder(t)
    const words = ['doctor', '--engine', 'wasm', '--port', '0', '--data-dir', join(folder.path, 'new')]
    const { code, stdout, stderr } = await fedstrata(t, folder, words)
    assert.deepEqual([code, stderr], [0, ''])
    const lines = stdout.trimEnd().split('\n')
    const names = ['node', 'engine', 'disk', 'database', 'port', 'tls', 'clock']
    for (const [i, name] of names.entries()) assert.match(lines[i]!, new RegExp(`^${name} +ok +\\S`))
    assert.match(lines[1]!, /wasm 4\..*self-test passed/)
    assert.match(lines[2]!, /can be made, \d+\.\d GiB free/)
    assert.match(lines[3]!, /not there yet/)
    assert.deepEqual(await readdir(folder.path), [])
  })

  test('warns of a slow engine, a port that is taken, and a run that nobody ended', async t => {
    const folder = await temporaryFolder(t)
    const store = await openStore({ dataDir: folder.path })
    await store.createRun(newRun('forgotten'))
    await store.updateRun('forgotten', { status: 'running', holder: null })
    await store.close()
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    t.after(() => taken.close())
    const port = String((taken.address() as AddressInfo).port)
    const words = ['doctor', '--engine', 'cpu', '--port', port, '--data-dir', folder.path, '--json']
    const { code, stdout } = await fedstrata(t, folder, words)
    assert.equal(code, 0)
    const of = new Map(examined(stdout).map(finding => [finding.check, finding]))
    const warned = [...of.values()].filter(({ status }) => status === 'warning').map(({ check }) => check)
    assert.deepEqual(warned, ['engine', 'database', 'port'])
    assert.match(of.get('engine')!.advice!, /--engine auto/)
    assert.match(of.get('database')!.found, /: 1 run, 1 interrupted: forgotten/)
    assert.match(of.get('database')!.advice!, /fedstrata resume/)
    assert.match(of.get('port')!.found, new RegExp(`127\\.0\\.0\\.1:${port}`))
  })

  const faults: readonly (readonly [what: string, checks: string, words: readonly string[], found: RegExp])[] = [
    [
      'a folder below a file',
      'disk database',
      ['--data-dir', 'tiny.txt/var'],
      /^\S*tiny\.txt\/var cannot be made: [a-z ]+$/,
    ],
    [
      'a database that does not answer',
      'database',
      ['--database-url', 'postgresql://u:secret@127.0.0.1:1/d'],
      /127\.0\.0\.1:1/,
    ],
    ['a file that is no database', 'database', ['--database-url', 'file:tiny.txt'], /tiny\.txt/],
    ['an address off loopback without a token', 'port', ['--host', '0.0.0.0'], /token is required/],
    ['an address of another machine', 'port', ['--host', '192.0.2.1'], /192\.0\.2\.1|EADDRNOTAVAIL/],
    ['an engine that is not there', 'engine', ['--engine', 'tensorfow'], /Did you mean "tensorflow"/],
  ]
  for (const [what, checks, words, found] of faults)
    test(`fails on ${what}, says so in ${checks} alone, and tells no password`, async t => {
      const folder = await temporaryFolder(t)
      await folder.write('tiny.txt', 'not a database, and long enough to be looked at as if it were one '.repeat(20))
      const { code, stdout, stderr } = await fedstrata(t, folder, [...ASKED, ...words, '--json'])
      assert.equal(code, 1, stderr)
      const failed = examined(stdout).filter(finding => finding.status === 'failed')
      assert.deepEqual(
        failed.map(finding => finding.check),
        checks.split(' '),
      )
      assert.match(failed[0]!.found, found)
      assert.doesNotMatch(stdout + stderr, /secret/)
    })
})
