import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FedError } from '../../src/core/errors.ts'
import type { Segment } from '../../src/protocol/messages.ts'
import {
  blockSegments,
  bodyBytes,
  OPTIMIZER_MEMORY,
  packSegments,
  requireReply,
  valueName,
  viewSegments,
} from '../../src/protocol/segments.ts'
import { counting, small } from './layouts.ts'

test('what is packed is viewed again, whether its values lay together or apart', () => {
  const seen = { copied: 0, inPlace: 0 }
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      (sizes, apart) => {
        const all = counting(100)
        let offset = 0
        const values = new Map(
          sizes.map((size, index) => {
            const start = offset
            offset += size + (apart ? 1 : 0)
            return [`block/${index}`, all.subarray(start, start + size)]
          }),
        )
        const { segments, body } = packSegments(values)
        assert.equal(body.byteLength, bodyBytes(segments))
        const copied = body.buffer !== all.buffer
        assert.equal(copied, apart && sizes.length > 1)
        seen[copied ? 'copied' : 'inPlace']++
        const floats = new Float32Array(body.buffer, body.byteOffset, body.byteLength / 4)
        assert.deepEqual(
          [...viewSegments(segments, floats)],
          [...values].map(([name, view]) => [name, view.slice()]),
        )
      },
    ),
  )
  assert.ok(seen.copied > 0 && seen.inPlace > 0)
})

test('no segments make an empty body', () => {
  assert.deepEqual(packSegments(new Map()), { segments: [], body: new Uint8Array(0) })
})

test('a body of another length than its segments is refused with both', () => {
  assert.throws(
    () => viewSegments([{ name: 'block/fc1', size: 9 }], new Float32Array(8)),
    (error: FedError) =>
      error.code === 'length_mismatch' && error.message.includes('36 bytes') && error.message.includes('32 bytes'),
  )
})

test('an index is named by its segment', () => {
  const segments = blockSegments(small, ['fc1', 'fc2'])
  assert.deepEqual(
    [0, 8, 9, 16].map(index => valueName(segments, index)),
    ['block/fc1[0]', 'block/fc1[8]', 'block/fc2[0]', 'block/fc2[7]'],
  )
})

test('an update holds exactly what its task asked for', () => {
  const fc1 = { name: 'block/fc1', size: 9 }
  const fc2 = { name: 'block/fc2', size: 8 }
  const memory = ['fc1', OPTIMIZER_MEMORY]
  const accepted: [reply: string[], segments: Segment[]][] = [
    [
      ['fc1', 'fc2'],
      [fc1, fc2],
    ],
    [['fc2'], [fc2]],
    [[], []],
    [memory, [fc1]],
    [memory, [fc1, { name: 'momentum/fc1', size: 9 }, { name: 'updates/fc2', size: 1 }]],
  ]
  for (const [reply, segments] of accepted) requireReply(small, { reply }, segments)

  const refused: [reply: string[], segments: Segment[], code: string, expected: string, received: string][] = [
    [['fc1', 'fc2'], [fc1], 'layout_mismatch', 'block/fc2', 'no further segment'],
    [['fc1', 'fc2'], [fc2, fc1], 'layout_mismatch', 'block/fc1', 'block/fc2'],
    [['fc1'], [{ name: 'block/conv1', size: 9 }], 'layout_mismatch', 'block/fc1', 'block/conv1'],
    [['fc1'], [{ name: 'block/fc1', size: 8 }], 'length_mismatch', '9 values in block/fc1', '8'],
    [['fc1'], [fc1, fc2], 'layout_mismatch', 'no further segment', 'block/fc2'],
    [['fc1'], [fc1, { name: 'momentum/fc1', size: 9 }], 'layout_mismatch', 'no further segment', 'momentum/fc1'],
    [memory, [fc1, { name: 'momentum/fc9', size: 1 }], 'layout_mismatch', 'optimizer memory', 'momentum/fc9'],
    [memory, [fc1, { name: '../../fc1', size: 1 }], 'layout_mismatch', 'optimizer memory', '../../fc1'],
    [memory, [fc1, fc2], 'layout_mismatch', 'optimizer memory', 'block/fc2'],
    [memory, [fc1, { name: 'momentum/fc1', size: 10 }], 'length_mismatch', 'at most 9', '10'],
  ]
  for (const [reply, segments, code, expected, received] of refused)
    assert.throws(
      () => requireReply(small, { reply }, segments),
      (error: FedError) =>
        error.code === code && error.detail.expected!.includes(expected) && error.detail.received === received,
    )
})

test('extras come after the blocks, in the order and of the sizes that the task asked for, and before memory', () => {
  const fc1 = { name: 'block/fc1', size: 9 }
  const control = { name: 'control/fc1', size: 9 }
  const counter = { name: 'updates/fc1', size: 1 }
  const asked = { reply: ['fc1', OPTIMIZER_MEMORY], extras: [control] }
  requireReply(small, asked, [fc1, control, counter])
  requireReply(small, { reply: [], extras: [control] }, [control])
  const refused: [segments: Segment[], code: string, expected: string, received: string][] = [
    [[fc1], 'layout_mismatch', 'control/fc1', 'no further segment'],
    [[control, fc1], 'layout_mismatch', 'block/fc1', 'control/fc1'],
    [[fc1, counter, control], 'layout_mismatch', 'control/fc1', 'updates/fc1'],
    [[fc1, { ...control, size: 8 }], 'length_mismatch', '9 values in control/fc1', '8'],
    [[fc1, control, control], 'layout_mismatch', 'optimizer memory', 'control/fc1'],
    [[fc1, control, { name: 'control/fc2', size: 8 }], 'layout_mismatch', 'optimizer memory', 'control/fc2'],
  ]
  for (const [segments, code, expected, received] of refused)
    assert.throws(
      () => requireReply(small, asked, segments),
      (error: FedError) =>
        error.code === code && error.detail.expected!.includes(expected) && error.detail.received === received,
    )
  assert.throws(() => requireReply(small, { reply: ['fc1'] }, [fc1, control]), { code: 'layout_mismatch' })
})
