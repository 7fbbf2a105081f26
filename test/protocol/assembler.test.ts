import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FedError } from '../../src/core/errors.ts'
import { assembler } from '../../src/protocol/assembler.ts'
import { manualClock } from './manual-clock.ts'

const admit = () => ({ about: null })
const code = (expected: string) => (error: FedError) => error.code === expected

test('nothing is allocated for a body that is not admitted', () => {
  const bodies = assembler<null>({ chunkBytes: 8 })
  const refuse = () => {
    throw new FedError('stale_round')
  }
  assert.throws(() => bodies.add('a', { offset: 0, total: 2 ** 50 }, new Uint8Array(8), refuse), code('stale_round'))
  assert.equal(bodies.open, 0)
})

test('bodies are put together side by side, each under its key', () => {
  const bodies = assembler<string>({ chunkBytes: 8 })
  const halves = [Float32Array.of(1, 2), Float32Array.of(3, 4)].map(values => new Uint8Array(values.buffer))
  for (const key of ['a', 'b'])
    assert.equal(
      bodies.add(key, { offset: 0, total: 16 }, halves[0]!, () => ({ about: `first of ${key}` })),
      null,
    )
  assert.equal(bodies.openBytes, 32)
  for (const key of ['b', 'a']) {
    const body = bodies.add(key, { offset: 8, total: 16 }, halves[1]!, () => assert.fail('admitted already'))
    assert.deepEqual([...body!.values], [1, 2, 3, 4])
    assert.equal(body!.about, `first of ${key}`, 'the first header counts')
  }
  assert.equal(bodies.openBytes, 0)
})

test('a first part begins its body anew', () => {
  const bodies = assembler<null>({ chunkBytes: 4 })
  const part = (value: number) => new Uint8Array(Float32Array.of(value).buffer)
  bodies.add('a', { offset: 0, total: 8 }, part(1), admit)
  bodies.add('a', { offset: 0, total: 8 }, part(2), admit)
  assert.deepEqual([...bodies.add('a', { offset: 4, total: 8 }, part(3), admit)!.values], [2, 3])
})

test('only so many bodies may be open; a whole one always may', () => {
  const bodies = assembler<null>({ chunkBytes: 4, maxOpen: 2 })
  for (const key of ['a', 'b']) bodies.add(key, { offset: 0, total: 8 }, new Uint8Array(4), admit)
  assert.throws(() => bodies.add('c', { offset: 0, total: 8 }, new Uint8Array(4), admit), code('rate_limited'))
  assert.ok(bodies.add('d', { offset: 0, total: 4 }, new Uint8Array(4), admit))
  bodies.drop('a')
  assert.equal(bodies.add('c', { offset: 0, total: 8 }, new Uint8Array(4), admit), null)
})

test('a message above the chunk is refused with the limit, and ends its body', () => {
  const bodies = assembler<null>({ chunkBytes: 4 })
  bodies.add('a', { offset: 0, total: 12 }, new Uint8Array(4), admit)
  assert.throws(
    () => bodies.add('a', { offset: 4, total: 12 }, new Uint8Array(8), admit),
    (error: FedError) => error.code === 'message_too_large' && error.message.includes('at most 4 bytes'),
  )
  assert.equal(bodies.open, 0)
})

test('a sender that drips loses its body after the deadline, one that makes progress does not', () => {
  const clock = manualClock()
  const bodies = assembler<null>({ chunkBytes: 8, stall: { clock, stallMs: 1000 } })
  bodies.add('drips', { offset: 0, total: 64 }, new Uint8Array(1), admit)
  bodies.add('flows', { offset: 0, total: 64 }, new Uint8Array(8), admit)
  for (let second = 1; second <= 3; second++) {
    clock.advance(900)
    if (second === 1) bodies.add('drips', { offset: 1, total: 64 }, new Uint8Array(1), admit)
    bodies.add('flows', { offset: 8 * second, total: 64 }, new Uint8Array(8), admit)
  }
  assert.equal(bodies.open, 1)
  assert.throws(() => bodies.add('drips', { offset: 2, total: 64 }, new Uint8Array(1), admit), code('rate_limited'))
  assert.equal(bodies.add('flows', { offset: 32, total: 64 }, new Uint8Array(8), admit), null)
  bodies.clear()
  assert.deepEqual([bodies.open, bodies.openBytes, clock.pending], [0, 0, 0])
})
