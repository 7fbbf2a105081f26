import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slopeOf } from './memory.ts'

test('the slope of a line is its own, whatever a quarter of its points say', () => {
  const line = Array.from({ length: 40 }, (_, x) => [x, 7 + 3 * x] as const)
  assert.equal(slopeOf(line), 3)
  assert.equal(slopeOf(line.map(([x, y]) => [x, x % 8 === 0 ? y + 1e6 : y] as const)), 3)
  assert.equal(
    slopeOf([
      [0, 1],
      [2, 5],
      [4, 1],
    ]),
    0,
  ) // slopes 2, 0, -2
  assert.equal(
    slopeOf([
      [0, 0],
      [1, 4],
    ]),
    4,
  )
})
