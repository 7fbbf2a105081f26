import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FedError } from '../../src/core/errors.ts'
import { range } from '../../src/core/indices.ts'
import { examplesOf, fillBatch, gather, take } from '../../src/data/examples.ts'
import { assertClose } from '../helpers/values.ts'

const pixels = examplesOf(Uint8Array.from([0, 51, 255, 102, 1, 2]), Uint8Array.from([7, 8, 9]), 2, 1 / 255)

test('gather scales pixels to [0, 1] and keeps the order of the indices', () => {
  const { x, y } = gather(pixels, Uint32Array.from([2, 0, 1, 1]), 1, 3)
  assert.deepEqual([...y], [7, 8])
  // 51/255 = 0.2, 255/255 = 1, 102/255 = 0.4
  assert.deepEqual([...x], [0, Math.fround(0.2), 1, Math.fround(0.4)])
})

test('every byte is scaled to within half a float32 unit of byte/255', () => {
  const all = examplesOf(Uint8Array.from(range(256)), new Uint8Array(256), 1, 1 / 255)
  const { x } = gather(all, range(256))
  for (const [byte, value] of x.entries()) assert.ok(Math.abs(value - byte / 255) <= 2 ** -24)
  assert.equal(x[255], 1)
})

test('a normalization centres and scales each channel of the scaled pixels', () => {
  const normalization = { mean: [0.1, 0.5], deviation: [0.2, 0.25] }
  const { x } = gather(take({ ...pixels, normalization }, Uint32Array.from([1, 0])), range(2))
  // Pixels 255, 102 of the second example and 0, 51 of the first, over channels 0 and 1.
  assertClose(x, [(1 - 0.1) / 0.2, (0.4 - 0.5) / 0.25, (0 - 0.1) / 0.2, (0.2 - 0.5) / 0.25], 1e-6)
  const longer = { x: new Float32Array(3), y: new Uint8Array(2) }
  fillBatch(longer, { ...pixels, normalization }, Uint32Array.of(1), 0, 1)
  assertClose(longer.x, [x[0]!, x[1]!, 0], 1e-6)
})

test('gather is a concatenation of its parts, and take then gather is gather', () => {
  fc.assert(
    fc.property(
      fc
        .array(fc.nat(2), { minLength: 1, maxLength: 20 })
        .chain(list => fc.tuple(fc.constant(list), fc.nat(list.length))),
      ([list, middle]) => {
        const indices = Uint32Array.from(list)
        const whole = gather(pixels, indices)
        const [left, right] = [gather(pixels, indices, 0, middle), gather(pixels, indices, middle)]
        assert.deepEqual([...whole.x], [...left.x, ...right.x])
        assert.deepEqual([...whole.y], [...left.y, ...right.y])
        assert.deepEqual(gather(take(pixels, indices), range(indices.length)), whole)
      },
    ),
  )
})

test('take copies: writing to what it returns leaves the source as it was', () => {
  const taken = take(pixels, Uint32Array.from([1]))
  taken.x.fill(9)
  assert.deepEqual([...pixels.x], [0, 51, 255, 102, 1, 2])
  assert.ok(taken.x instanceof Uint8Array)
  const floats = take(examplesOf(new Float32Array(4), new Uint8Array(2), 2, 1), Uint32Array.from([1]))
  assert.ok(floats.x instanceof Float32Array)
})

test('an index that no example has, a range outside the indices, and labels without examples are refused', () => {
  const refused = (run: () => unknown) =>
    assert.throws(run, error => error instanceof FedError && error.code === 'data_invalid')
  refused(() => gather(pixels, Uint32Array.from([3])))
  refused(() => take(pixels, Uint32Array.from([3])))
  refused(() => gather(pixels, Uint32Array.from([1]), 0, 2))
  refused(() => gather(pixels, Uint32Array.from([1]), -1, 1))
  refused(() => examplesOf(new Uint8Array(5), new Uint8Array(3), 2, 1))
})
