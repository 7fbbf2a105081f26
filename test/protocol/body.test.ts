import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ErrorCode, FedError } from '../../src/core/errors.ts'
import { receiveBody } from '../../src/protocol/body.ts'
import { crc32 } from '../oracle/crc32.ts'

const code = (expected: ErrorCode) => (error: FedError) => error.code === expected

test('a misaligned pooled Buffer is read right', () => {
  // style.md 5: viewing a pooled Buffer in place gave 6.6e-44 for 1.
  const pool = Buffer.alloc(64)
  pool.writeFloatLE(1, 3)
  pool.writeFloatLE(-2.5, 7)
  const body = receiveBody(8)
  body.add({ offset: 0, total: 8 }, pool.subarray(3, 11))
  assert.deepEqual([...body.values], [1, -2.5])
  assert.ok(body.values.buffer instanceof SharedArrayBuffer)
})

test('the fingerprint is the CRC-32 of what it covers and all bytes, however they were cut', () => {
  const bytes = Buffer.from(Float32Array.from({ length: 50 }, (_, i) => Math.sin(i)).buffer)
  const checksum = crc32(Buffer.concat([Buffer.from('header\n'), bytes]))
  const expected = `${checksum.toString(16).padStart(8, '0')}-${bytes.length}`
  for (const size of [1, 3, 4, 64, 200]) {
    const body = receiveBody(bytes.length, { fingerprintOf: 'header' })
    for (let offset = 0; offset < bytes.length; offset += size)
      body.add({ offset, total: bytes.length }, bytes.subarray(offset, offset + size))
    assert.equal(body.fingerprint(), expected)
  }
})

test('a value that is not finite is found wherever it is and however it is cut, and named', () => {
  let straddled = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      fc.integer({ min: 1, max: 50 }),
      (length, at, value, size) => {
        const values = new Float32Array(length).fill(-3.4e38) // the largest finite exponent is not an infinity
        values[at % length] = value
        const bytes = new Uint8Array(values.buffer)
        const body = receiveBody(bytes.length, { valueName: index => `block/fc1[${index}]` })
        assert.throws(
          () => {
            for (let offset = 0; offset < bytes.length; offset += size)
              body.add({ offset, total: bytes.length }, bytes.subarray(offset, offset + size))
          },
          (error: FedError) =>
            error.code === 'non_finite' && error.detail.received === `${value} at block/fc1[${at % length}]`,
        )
        if (size % 4 !== 0 && size < bytes.length) straddled++
      },
    ),
  )
  assert.ok(straddled > 0)
})

test('parts out of order, twice, of another total, too long or empty are refused', () => {
  const chunk = new Uint8Array(4)
  const cases: [offset: number, total: number, chunk: Uint8Array, expected: ErrorCode][] = [
    [0, 12, chunk, 'message_invalid'],
    [8, 12, chunk, 'message_invalid'],
    [4, 16, chunk, 'message_invalid'],
    [4, 12, new Uint8Array(9), 'length_mismatch'],
    [4, 12, new Uint8Array(0), 'length_mismatch'],
  ]
  for (const [offset, total, part, expected] of cases) {
    const body = receiveBody(12)
    body.add({ offset: 0, total: 12 }, chunk)
    assert.throws(() => body.add({ offset, total }, part), code(expected))
  }
  assert.throws(() => receiveBody(6), code('length_mismatch'))
})

test('an empty body is complete with its only, empty part', () => {
  const body = receiveBody(0)
  body.add({ offset: 0, total: 0 }, new Uint8Array(0))
  assert.ok(body.complete)
  assert.equal(body.values.length, 0)
})
