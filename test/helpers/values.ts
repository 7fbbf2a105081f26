import assert from 'node:assert/strict'
import { createRng, normal } from '../../src/core/rng.ts'

/** `count` standard normal float32 values, the same for a seed. */
export function normals(seed: number, count: number): Float32Array {
  const rng = createRng(seed, 'test values')
  return Float32Array.from({ length: count }, () => normal(rng))
}

/** Asserts |received − expected| ≤ tolerance · max(1, |expected|) everywhere, and says where it first fails. */
export function assertClose(
  received: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'value',
): void {
  assert.equal(received.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++) {
    const [got, want] = [received[i]!, expected[i]!]
    const close = Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want))
    assert.ok(close, `${what} ${i} of ${expected.length}: expected ${want}, got ${got}`)
  }
}
