import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barrierHeight, curveOf } from '../../src/analysis/height.ts'
import type { BarrierRecord } from '../../src/core/records.ts'

const interpolation = [0, 0.25, 0.5, 0.75, 1]

test('midpoint: the value at ½ minus the mean of the full models', () => {
  const curve = { interpolation, values: [1, 8, 5, 9, 3], endpoints: [1, 3] }
  assert.equal(barrierHeight(curve, 'midpoint'), 5 - 2)
})

test('max-linear: the highest rise over the line between the full models', () => {
  const curve = { interpolation, values: [1, 8, 5, 9, 3], endpoints: [1, 3] }
  // rises: 0, 8 − 1.5, 5 − 2, 9 − 2.5, 0
  assert.equal(barrierHeight(curve, 'max-linear'), 6.5)
})

test('a barrier can be negative at the midpoint; the definition by the maximum is then 0, at the ends', () => {
  const curve = { interpolation, values: [4, 1, 0, 1, 4], endpoints: [4, 4] }
  assert.equal(barrierHeight(curve, 'midpoint'), -4)
  assert.equal(barrierHeight(curve, 'max-linear'), 0)
})

test('on a layer path the maximum can sit at its far end, which is no full model', () => {
  const curve = { interpolation: [0, 0.5, 1], values: [1, 2, 6], endpoints: [1, 1] }
  assert.equal(barrierHeight(curve, 'max-linear'), 5)
  assert.equal(barrierHeight(curve, 'midpoint'), 1)
})

test('base-rise: the value at ½ above the full model that the other layers come from', () => {
  const curve = { interpolation, values: [1, 8, 5, 9, 3], endpoints: [1, 4] }
  assert.equal(barrierHeight({ ...curve, base: 1 }, 'base-rise'), 4)
  assert.equal(barrierHeight({ ...curve, base: 2 }, 'base-rise'), 1)
  assert.equal(barrierHeight(curve, 'base-rise'), null, 'a full path has no base')
})

test('swap: the far end, seen from the base, above the mean of the full models', () => {
  const curve = { interpolation, values: [1, 8, 5, 9, 7], endpoints: [1, 4] }
  assert.equal(barrierHeight({ ...curve, base: 1 }, 'swap'), 7 - 2.5)
  assert.equal(barrierHeight({ ...curve, base: 2 }, 'swap'), 1 - 2.5)
  assert.equal(barrierHeight({ ...curve, base: null }, 'swap'), null)
})

test('a value that was not finite makes null of the heights that need it, and of no other', () => {
  const broken = { interpolation, values: [1, null, 5, 9, 3], endpoints: [1, 3] }
  assert.equal(barrierHeight(broken, 'midpoint'), 3)
  assert.equal(barrierHeight(broken, 'max-linear'), null)
  assert.equal(barrierHeight({ ...broken, base: 1 }, 'base-rise'), 4)
  const noSwap = { interpolation, values: [1, 2, 5, 9, null], endpoints: [1, 3] }
  assert.equal(barrierHeight({ ...noSwap, base: 1 }, 'swap'), null)
  assert.equal(barrierHeight({ ...noSwap, base: 2 }, 'swap'), -1)
  const noEnd = { interpolation, values: [1, 8, 5, 9, 3], endpoints: [1, null] }
  assert.equal(barrierHeight(noEnd, 'midpoint'), null)
  assert.equal(barrierHeight(noEnd, 'max-linear'), null)
})

test('a curve without ½ has no midpoint', () => {
  const curve = { interpolation: [0, 1], values: [1, 2], endpoints: [1, 2] }
  assert.throws(() => barrierHeight(curve, 'midpoint'), /a curve with t = 0.5, got 0, 1/)
})

test('a stored record gives back its two curves', () => {
  const record = {
    interpolation: [0, 0.5, 1],
    loss: [1, 2, 3],
    error: [0.1, 0.2, 0.3],
    endpointLoss: [1, 3],
    endpointError: [0.1, 0.3],
    base: 2,
  } as BarrierRecord
  assert.deepEqual(curveOf(record, 'loss'), {
    interpolation: [0, 0.5, 1],
    values: [1, 2, 3],
    endpoints: [1, 3],
    base: 2,
  })
  assert.deepEqual(curveOf(record, 'error').endpoints, [0.1, 0.3])
})
