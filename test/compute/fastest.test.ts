import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { fasterOf } from '../../src/compute/faster-of.ts'
import { describeVerdict, fastestOf, machineKey } from '../../src/compute/fastest.ts'

describe('the fastest engine', () => {
  let folder: string
  let measured: string[]
  const candidate = (name: string, ms: number, version = '1') => ({
    name,
    version,
    async measure() {
      measured.push(name)
      return ms
    },
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fedstrata-fastest-'))
    measured = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is measured once, and remembered for these versions on this machine', async () => {
    const verdict = await fastestOf([candidate('a', 3), candidate('b', 2)], 'work', folder)
    assert.deepEqual(verdict, { fastest: 'b', ms: { a: 3, b: 2 } })
    assert.equal(describeVerdict(verdict), 'measured: b 2.0 ms, a 3.0 ms a step')
    // Another time it would come out the other way round: what was measured first counts.
    assert.deepEqual(await fastestOf([candidate('b', 9), candidate('a', 3)], 'work', folder), verdict)
    assert.deepEqual(measured, ['a', 'b'])
    assert.equal((await fastestOf([candidate('a', 3), candidate('b', 9, '2')], 'work', folder)).fastest, 'a')
    assert.equal(measured.length, 4)
    assert.equal((await fastestOf([candidate('a', 3), candidate('b', 9)], 'other work', folder)).fastest, 'a')
    assert.equal(measured.length, 6)
    assert.equal(readdirSync(folder).length, 3, 'and nothing temporary is left')
  })

  it('is the preferred one unless another is half as fast again: noise decides nothing', async () => {
    for (const [preferred, other, name] of [
      [3, 3, 'a'],
      [3, 2.01, 'a'],
      [3, 2, 'b'],
      [3, 1, 'b'],
      [1, 3, 'a'],
    ] as const)
      assert.equal(
        (await fastestOf([candidate('a', preferred), candidate('b', other)], `${other}`, folder)).fastest,
        name,
      )
  })

  it('is the same for processes that measure at the same time', async () => {
    const [first, second] = await Promise.all([
      fastestOf([candidate('a', 1), candidate('b', 2)], 'work', folder),
      fastestOf([candidate('a', 2), candidate('b', 1)], 'work', folder),
    ])
    assert.equal(measured.length, 4, 'both measured')
    assert.deepEqual(first, second)
  })

  it('is measured anew over a damaged file’s head, and without a folder that can be written', async () => {
    const both = [candidate('a', 1), candidate('b', 2)]
    writeFileSync(join(folder, `fastest-${machineKey(both, 'work')}.json`), '{"fastest":"c","ms":{}}')
    assert.equal((await fastestOf(both, 'work', folder)).fastest, 'a')
    assert.equal(
      (await fastestOf(both, 'work', join(folder, `fastest-${machineKey(both, 'work')}.json`, 'no folder'))).fastest,
      'a',
    )
  })

  it('is made current, and its reason says what was measured', async () => {
    const [wasm, cpu] = [await prepareEngine('wasm'), await prepareEngine('cpu')]
    const tensors = tf.memory().numTensors
    const work = { key: 'work', stepMs: async () => (tf.getBackend() === 'wasm' ? 1 : 20) }
    const engine = await fasterOf(wasm, { ...cpu, reason: 'tensorflow has no GPU' }, work, folder)
    assert.equal(engine.name, 'wasm')
    assert.equal(tf.getBackend(), 'wasm')
    assert.match(engine.reason, /^tensorflow has no GPU; measured: wasm 1\.0 ms, cpu 20 ms a step$/)
    assert.equal(tf.memory().numTensors, tensors)
  })
})
