import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { interpolate, interpolationGrid } from '../../src/analysis/interpolate.ts'
import { FedError } from '../../src/core/errors.ts'
import { blockNames } from '../../src/core/layout.ts'
import { oraclePoint } from './oracle.ts'
import { layoutOfSizes, normalParams } from './toys.ts'

const layout = layoutOfSizes([3, 1, 2])
const a = Float32Array.of(1, -0, 3, 4, 5, 6)
const b = Float32Array.of(3, 7, Number.POSITIVE_INFINITY, 8, -5, 2 ** -149)

function bytes(params: Float32Array): Buffer {
  return Buffer.from(params.buffer, params.byteOffset, params.byteLength)
}

test('the ends are the endpoints, bit for bit: negative zero, infinity on the other side, subnormal', () => {
  for (const base of [1, 2] as const) {
    assert.deepEqual(bytes(interpolate(a, b, 0, layout, blockNames(layout), base)), bytes(a))
    assert.deepEqual(bytes(interpolate(a, b, 1, layout, blockNames(layout), base)), bytes(b))
  }
})

test('named layers move, the others come from the base', () => {
  const [left, right] = [Float32Array.of(1, 1, 1, 1, 1, 1), Float32Array.of(3, 3, 3, 3, 3, 3)]
  assert.deepEqual([...interpolate(left, right, 0.25, layout, ['layer2'], 1)], [1, 1, 1, 1.5, 1, 1])
  assert.deepEqual([...interpolate(left, right, 0.25, layout, ['layer2'], 2)], [3, 3, 3, 1.5, 3, 3])
  assert.deepEqual([...interpolate(left, right, 0.5, layout, ['layer3', 'layer1'], 1)], [2, 2, 2, 1, 2, 2])
  assert.deepEqual([...interpolate(left, right, 0.5, layout, [], 2)], [...right])
})

test('the midpoint is the rounded mean, and neither endpoint is written to', () => {
  const [left, right] = [normalParams(6, 1), normalParams(6, 2)]
  const before = [left.slice(), right.slice()]
  const middle = interpolate(left, right, 0.5, layout, blockNames(layout), 1)
  left.forEach((value, i) => {
    assert.equal(middle[i], Math.fround((value + right[i]!) / 2))
  })
  assert.deepEqual([left, right], before)
  assert.notEqual(middle.buffer, left.buffer)
})

test('a view into a larger buffer is read at its own offset', () => {
  const wide = Float32Array.of(9, 9, 1, 2, 3, 4, 5, 6)
  assert.deepEqual([...interpolate(wide.subarray(2), b, 0, layout, [], 1)], [1, 2, 3, 4, 5, 6])
})

test('any point of any path equals the plain loop; equal models stay as they are', () => {
  const reached = { ends: 0, inside: 0, equal: 0 }
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.oneof(fc.constantFrom(0, 1, 0.5), fc.double({ min: 0, max: 1, noNaN: true })),
      fc.nat(31),
      fc.constantFrom(1 as const, 2 as const),
      fc.boolean(),
      (sizes, seed, t, mask, base, equal) => {
        const random = layoutOfSizes(sizes)
        const layers = blockNames(random).filter((_, i) => mask & (1 << i))
        const left = normalParams(random.size, seed)
        const right = equal ? left.slice() : normalParams(random.size, seed + 1)
        const point = interpolate(left, right, t, random, layers, base)
        if (equal) assert.deepEqual(bytes(point), bytes(left))
        assert.deepEqual(point, oraclePoint(random, left, right, t, layers, base))
        reached.equal += Number(equal)
        if (t === 0 || t === 1) reached.ends += 1
        else reached.inside += 1
      },
    ),
    { seed: 7, numRuns: 200 },
  )
  assert.ok(
    Object.values(reached).every(count => count > 20),
    JSON.stringify(reached),
  )
})

test('an unknown layer, a coefficient outside [0, 1] and another length are refused', () => {
  const code = (expected: string) => (error: unknown) => error instanceof FedError && error.code === expected
  assert.throws(() => interpolate(a, b, 0.5, layout, ['layer9'], 1), code('layer_unknown'))
  for (const t of [-0.1, 1.1, Number.NaN])
    assert.throws(() => interpolate(a, b, t, layout, ['layer1'], 1), code('input_invalid'))
  assert.throws(() => interpolate(a, b.slice(1), 0.5, layout, [], 1), code('layout_mismatch'))
})

test('a grid is equally spaced, has both ends and exactly ½', () => {
  assert.deepEqual(interpolationGrid(3), [0, 0.5, 1])
  assert.deepEqual(interpolationGrid(5), [0, 0.25, 0.5, 0.75, 1])
  for (const points of [11, 21, 101]) {
    const grid = interpolationGrid(points)
    assert.deepEqual([grid.length, grid[0], grid[(points - 1) / 2], grid.at(-1)], [points, 0, 0.5, 1])
  }
  for (const points of [0, 1, 2, 4, 3.5, Number.NaN])
    assert.throws(() => interpolationGrid(points), /an odd number of grid points, at least 3/)
})
