import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fedstrata, temporaryFolder } from './cli.ts'

describe('reproduce', () => {
  test('skips what it has no data for, says what to give, and writes both documents', async t => {
    const folder = await temporaryFolder(t)
    const words = ['reproduce', 'spawning', '3', '--engine', 'cpu', '--workers', '1', '--out', 'report.md']
    const { code, stdout, stderr } = await fedstrata(t, folder, [...words, '--json'])
    assert.equal(code, 0, stderr)
    const { checks, passed, quick, engine, workers } = JSON.parse(stdout)
    assert.deepEqual([passed, quick, engine.name, workers], [true, false, 'cpu', 1])
    assert.deepEqual(
      checks.map(({ number, id, status, skipped }: Record<string, unknown>) => [number, id, status, skipped]),
      [
        [3, 'vgg8-layers', 'skipped', 'needs real data: give --cifar10 DIR'],
        [7, 'spawning', 'skipped', 'needs real data: give --mnist DIR'],
      ],
    )
    const page = await readFile(join(folder.path, 'report.md'), 'utf8')
    assert.match(page, /0 passed, 0 failed, 2 skipped/)
    assert.match(page, /Again: `fedstrata reproduce spawning`/)
    assert.match(page, /Skipped: needs real data: give --mnist DIR\./)
  })

  test('refuses a folder without the data before anything is computed, and says which file', async t => {
    const folder = await temporaryFolder(t)
    const words = ['reproduce', 'spawning', '--mnist', '.', '--engine', 'cpu', '--workers', '1']
    const { code, stdout, stderr } = await fedstrata(t, folder, words)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^error: .*data_missing.*train-images/s)
    assert.doesNotMatch(stderr, /failed|thread/)
  })

  test('refuses a check that is not there, naming those that are', async t => {
    const folder = await temporaryFolder(t)
    const { code, stderr } = await fedstrata(t, folder, ['reproduce', 'perpetual-motion'])
    assert.equal(code, 2)
    assert.match(stderr, /5 mlp-layers/)
    assert.match(stderr, /perpetual-motion/)
  })

  test('refuses to measure for an hour what it could not write down', async t => {
    const folder = await temporaryFolder(t)
    const { code, stderr } = await fedstrata(t, folder, ['reproduce', 'spawning', '--out', 'no/such/folder/report.md'])
    assert.equal(code, 2)
    assert.match(stderr, /report/)
  })
})
