import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { spreadOf } from '../../src/analysis/spread.ts'

test('mean, extremes and the deviation of the population', () => {
  // The textbook example: deviations −3 −1 −1 −1 0 0 2 4, squares sum to 32, 32 / 8 = 4.
  assert.deepEqual(spreadOf([2, 4, 4, 4, 5, 5, 7, 9]), { mean: 5, min: 2, max: 9, standardDeviation: 2 })
})

test('no values have no spread; one value, or equal ones, have exactly none', () => {
  assert.equal(spreadOf([]), null)
  for (const count of [1, 3, 10])
    assert.deepEqual(spreadOf(Array.from({ length: count }, () => 0.1)), {
      mean: 0.1,
      min: 0.1,
      max: 0.1,
      standardDeviation: 0,
    })
})

test('a value that is not finite is not hidden', () => {
  assert.ok(Number.isNaN(spreadOf([1, Number.NaN, 2])!.mean))
  assert.equal(spreadOf([1, Number.POSITIVE_INFINITY])!.max, Number.POSITIVE_INFINITY)
})

test('shifting values shifts mean and extremes and leaves the deviation; no spread beyond half the range', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), fc.integer(), (values, shift) => {
      const spread = spreadOf(values)!
      const shifted = spreadOf(values.map(value => value + (shift % 1000)))!
      assert.ok(Math.abs(shifted.mean - spread.mean - (shift % 1000)) < 1e-9)
      assert.ok(Math.abs(shifted.standardDeviation - spread.standardDeviation) < 1e-9)
      assert.ok(spread.min <= spread.mean && spread.mean <= spread.max)
      assert.ok(spread.standardDeviation <= (spread.max - spread.min) / 2 + 1e-9)
    }),
    { seed: 2 },
  )
})
