import { createHash } from 'node:crypto'
import { FedError } from '../core/errors.ts'
import { sharedFloats } from '../core/params.ts'
import type { Part } from './messages.ts'

/** The wire is little-endian and bodies are viewed in place, so a big-endian machine must not take part. */
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** All exponent bits set: an infinity or NaN. */
const EXPONENT = 0x7f80_0000

export interface BodyChecks {
  /** What the fingerprint covers besides the bytes; no fingerprint is taken when it is absent. */
  readonly fingerprintOf?: string
  /** Names the value at an index of the body, for `non_finite`. */
  readonly valueName?: (index: number) => string
}

/** A body of float32 that arrives in parts. */
export interface Body {
  /** float32[total / 4] on a SharedArrayBuffer: other threads read it without a copy. */
  readonly values: Float32Array
  readonly received: number
  readonly complete: boolean
  /**
   * Takes the next part: copies it (a received Buffer may begin anywhere, and float32 views may not), looks for values
   * that are not finite and goes on with the hash, so that no part holds up the event loop for longer than its own
   * length. Throws `message_invalid` for a part out of order, `length_mismatch` for one that overruns, `non_finite`.
   */
  add(part: Part, chunk: Uint8Array): void
  /** SHA-256 of `fingerprintOf` and all bytes, hex; once, when complete. */
  fingerprint(): string
}

/** Throws `length_mismatch` when `total` bytes are not whole float32 values. */
export function receiveBody(total: number, { fingerprintOf, valueName = String }: BodyChecks = {}): Body {
  if (!littleEndian) throw new FedError('protocol_mismatch', { expected: 'a little-endian machine' })
  if (total % Float32Array.BYTES_PER_ELEMENT !== 0)
    throw new FedError('length_mismatch', { expected: 'a multiple of 4 bytes', received: `${total} bytes` })
  const values = sharedFloats(total / Float32Array.BYTES_PER_ELEMENT)
  const bytes = new Uint8Array(values.buffer)
  const bits = new Uint32Array(values.buffer)
  const hash = fingerprintOf === undefined ? null : createHash('sha256').update(fingerprintOf).update('\n')
  let received = 0

  function requireFinite(from: number, to: number): void {
    for (let index = from; index < to; index++)
      if ((bits[index]! & EXPONENT) === EXPONENT)
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
      hash?.update(chunk)
    },
    fingerprint: () => hash?.digest('hex') ?? '',
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
