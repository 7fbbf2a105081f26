import { crc32 } from 'node:zlib'
import { FedError } from '../core/errors.ts'
import { allFinite } from '../core/finite.ts'
import { sharedFloats } from '../core/params.ts'
import type { Part } from './messages.ts'

/** The wire is little-endian and bodies are viewed in place, so a big-endian machine must not take part. */
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

export interface BodyChecks {
  /** What the fingerprint covers besides the bytes; no fingerprint is taken when it is absent. */
  readonly fingerprintOf?: string
  /** Names the value at an index of the body, for `non_finite`. */
  readonly valueName?: (index: number) => string
  /** Where the memory comes from: a float32 array of that length on a buffer of its own, shared or not, its values arbitrary. */
  readonly allocate?: (length: number) => Float32Array
}

/** A body of float32 that arrives in parts. */
export interface Body {
  /** float32[total / 4], unless `allocate` says otherwise on a SharedArrayBuffer: other threads read it without a copy. */
  readonly values: Float32Array
  readonly received: number
  readonly complete: boolean
  /**
   * Takes the next part: copies it (a received Buffer may begin anywhere, and float32 views may not), looks for values
   * that are not finite and goes on with the hash, so that no part holds up the event loop for longer than its own
   * length. Throws `message_invalid` for a part out of order, `length_mismatch` for one that overruns, `non_finite`.
   */
  add(part: Part, chunk: Uint8Array): void
  /**
   * CRC-32 of `fingerprintOf` and all bytes, with the length: tells a body sent again from another one. It guards against
   * mistakes, not against forgery, which has nothing to gain: the first body counts, whatever comes later.
   */
  fingerprint(): string
}

/** Throws `length_mismatch` when `total` bytes are not whole float32 values. */
export function receiveBody(
  total: number,
  { fingerprintOf, valueName = String, allocate = sharedFloats }: BodyChecks = {},
): Body {
  if (!littleEndian) throw new FedError('protocol_mismatch', { expected: 'a little-endian machine' })
  if (total % Float32Array.BYTES_PER_ELEMENT !== 0)
    throw new FedError('length_mismatch', { expected: 'a multiple of 4 bytes', received: `${total} bytes` })
  const values = allocate(total / Float32Array.BYTES_PER_ELEMENT)
  const bytes = new Uint8Array(values.buffer)
  let checksum = fingerprintOf === undefined ? null : crc32(`${fingerprintOf}\n`)
  let received = 0

  function requireFinite(from: number, to: number): void {
    if (allFinite(values, from, to)) return
    for (let index = from; index < to; index++)
      if (!Number.isFinite(values[index]))
        throw new FedError('non_finite', {
          expected: 'finite values',
          received: `${values[index]} at ${valueName(index)}`,
        })
  }

  return {
    values,
    get received() {
      return received
    },
    get complete() {
      return received === total
    },
    add(part, chunk) {
      requireNext(part, { received, total }, chunk.byteLength)
      const whole = received >> 2
      bytes.set(chunk, received)
      received += chunk.byteLength
      requireFinite(whole, received >> 2)
      if (checksum !== null) checksum = crc32(chunk, checksum)
    },
    fingerprint: () => (checksum === null ? '' : `${checksum.toString(16).padStart(8, '0')}-${total}`),
  }
}

function requireNext(part: Part, { received, total }: { received: number; total: number }, length: number): void {
  if (part.offset !== received || part.total !== total)
    throw new FedError('message_invalid', {
      expected: `the part at byte ${received} of ${total}`,
      received: `byte ${part.offset} of ${part.total}`,
    })
  if (length > total - received || (length === 0 && total > 0))
    throw new FedError('length_mismatch', {
      expected: `1 to ${total - received} bytes at byte ${received} of ${total}`,
      received: `${length} bytes`,
    })
}
