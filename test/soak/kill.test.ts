import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killSoak } from './kill.ts'

test('a run whose coordinator and clients are killed at random points leaves the same model and the same rows', async t => {
  const lines: string[] = []
  const { kills, failures } = await killSoak(t, { kills: 3, rounds: 8, seed: 3, say: line => lines.push(line) })
  assert.deepEqual(failures, [], lines.join('\n'))
  const total = Object.values(kills).reduce((sum, count) => sum + count)
  assert.equal(total, 3)
})
