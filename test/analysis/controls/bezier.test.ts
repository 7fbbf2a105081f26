import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bezierPoint, curveTest } from '../../../src/analysis/controls/bezier.ts'
import { lossOnly, normalParams } from '../toys.ts'

test('the curve begins and ends at the models, and with its bend half-way it is the straight line', () => {
  const [a, b] = [normalParams(5, 1), normalParams(5, 2)]
  const middle = a.map((value, i) => (value + b[i]!) / 2)
  assert.deepEqual(bezierPoint(a, normalParams(5, 3), b, 0), a)
  assert.deepEqual(bezierPoint(a, normalParams(5, 3), b, 1), b)
  for (const t of [0.1, 0.5, 0.8])
    bezierPoint(a, middle, b, t).forEach((value, i) => {
      assert.ok(Math.abs(value - ((1 - t) * a[i]! + t * b[i]!)) < 1e-6)
    })
})

test('round the hill: the curve has no loss where the line goes over the top', async () => {
  // |1 − |w|²| is 0 on the unit circle; (1, 0) to (0, 1) with the bend (1, 1) stays near it, the line cuts through.
  const loss = (w: Float32Array) => Math.abs(1 - w[0]! ** 2 - w[1]! ** 2)
  const ends = { a: Float32Array.of(1, 0), b: Float32Array.of(0, 1) }
  const result = await curveTest({ ...ends, bend: Float32Array.of(1, 1), points: 5 }, lossOnly(loss))
  // t = ½: (¼ + ½, ½ + ¼) = (¾, ¾): |1 − 9/8| = 1/8; t = ¼: (9/16 + 3/8, 3/8 + 1/16) = (15/16, 7/16): |1 − 274/256|
  const expected = [0, 18 / 256, 1 / 8, 18 / 256, 0]
  result.loss.forEach((value, i) => {
    assert.ok(Math.abs(value! - expected[i]!) < 1e-6, `${value}`)
  })
  assert.ok(Math.abs(result.largestLoss! - 1 / 8) < 1e-6)
  assert.ok(Math.abs(result.linearLargestLoss! - 1 / 2) < 1e-6)
  assert.ok(Math.abs(result.linearLargestError! - 1 / 2) < 1e-6)
  assert.deepEqual(result.interpolation, [0, 0.25, 0.5, 0.75, 1])
})

test('a loss that is not finite leaves no largest one', async () => {
  const one = Float32Array.of(1)
  const result = await curveTest(
    { a: one, b: one, bend: Float32Array.of(9) },
    lossOnly(([w]) => (w! > 2 ? Number.POSITIVE_INFINITY : 0)),
  )
  assert.deepEqual([result.largestLoss, result.linearLargestLoss], [null, 0])
})
