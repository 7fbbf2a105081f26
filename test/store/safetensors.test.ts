import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeTensors, encodeTensors, type NamedTensor } from '../../src/core/safetensors.ts'
import { refuses } from './contract.ts'

const tensor = fc
  .tuple(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    fc.infiniteStream(fc.float()),
  )
  .map(([name, shape, values]): NamedTensor => {
    const size = shape.reduce((product, extent) => product * extent, 1)
    return { name, shape, data: Float32Array.from({ length: size }, () => values.next().value) }
  })
const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 })
const metadata = fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ unit: 'grapheme' }), { noNullPrototype: true })

/** A file as it is written. */
const fileOf = (...given: Parameters<typeof encodeTensors>) => Buffer.concat(encodeTensors(...given))

/** A file made by hand: the header as given, then `size` bytes of data. */
function file(header: unknown, size = 0, length?: number): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(length ?? text.length))
  return Buffer.concat([prefix, text, Buffer.alloc(size)])
}

const entry = (shape: unknown, data_offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets })

describe('safetensors', () => {
  test('half precision is widened, beside float32 and at any place', () => {
    const entries = { h: entry([1, 3], [0, 6], 'F16'), b: entry([2], [6, 10], 'BF16'), f: entry([1], [10, 14]) }
    const bytes = Buffer.from(file(entries, 14))
    const at = bytes.length - 14
    for (const [i, half] of [0x3c00, 0x0001, 0xfc00, 0x3f80, 0xc049].entries()) bytes.writeUInt16LE(half, at + 2 * i)
    bytes.writeFloatLE(0.1, at + 10)
    const { tensors } = decodeTensors(bytes)
    assert.deepEqual(
      tensors.map(({ name, shape, data }) => [name, shape, [...data]]),
      [
        ['h', [1, 3], [1, 2 ** -24, Number.NEGATIVE_INFINITY]],
        ['b', [2], [1, -3.140625]],
        ['f', [1], [Math.fround(0.1)]],
      ],
    )
  })

  test('decoding what was encoded gives the same tensors, bit by bit, wherever the bytes start in memory', () => {
    const seen = { misaligned: 0, empty: 0, scalar: 0, several: 0, metadata: 0 }
    const check = (given: NamedTensor[], meta: Record<string, string>, shift: number) => {
      const bytes = fileOf(given, meta)
      const pool = new Uint8Array(bytes.length + shift)
      pool.set(bytes, shift)
      for (const view of [pool.subarray(shift), Buffer.from(pool.buffer, shift, bytes.length)]) {
        const decoded = decodeTensors(view)
        assert.deepEqual(decoded.metadata, meta)
        assert.equal(decoded.tensors.length, given.length)
        for (const { name, shape, data } of given) {
          const found = decoded.tensors.find(candidate => candidate.name === name)
          assert.deepEqual(found?.shape, shape)
          assert.ok(Buffer.from(found.data.slice().buffer).equals(Buffer.from(data.slice().buffer)), name)
        }
      }
      seen.misaligned += Number(shift % 4 !== 0)
      seen.empty += Number(given.some(({ data }) => data.length === 0))
      seen.scalar += Number(given.some(({ shape }) => shape.length === 0))
      seen.several += Number(given.length > 2)
      seen.metadata += Number(Object.keys(meta).length > 0)
    }
    fc.assert(fc.property(tensors, metadata, fc.nat({ max: 7 }), check), { numRuns: 200, seed: 11 })
    for (const [state, times] of Object.entries(seen)) assert.ok(times >= 20, `${state} was reached ${times} times`)
  })

  test('the bytes of a small file are those of the format', () => {
    const bytes = fileOf([{ name: 'a', shape: [2], data: Float32Array.of(1, -2) }], { k: 'v' })
    const header = '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8)
    // IEEE 754: 1 = 3f800000, -2 = c0000000, little-endian.
    const data = Buffer.from('0000803f000000c0', 'hex')
    const length = Buffer.from([padded.length, 0, 0, 0, 0, 0, 0, 0])
    assert.ok(Buffer.from(bytes).equals(Buffer.concat([length, Buffer.from(padded), data])))
  })

  const wrong: readonly [string, Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['less than a length', new Uint8Array(7)],
    ['a header beyond the file', file('{}', 0, 100)],
    ['a header over the limit', file('{}', 0, 100_000_001)],
    ['a length of 2^64 - 1', Buffer.alloc(16, 0xff)],
    ['an empty header', file('')],
    ['a header that starts with space', file(' {}')],
    ['a header that is no JSON', file('{a}')],
    ['a header that is no UTF-8', Buffer.concat([file('{"', 0, 4), Buffer.from([0xff, 0x7d])])],
    ['a header that is a list', file('[]')],
    ['metadata that is no map', file({ __metadata__: [] })],
    ['metadata with numbers', file({ __metadata__: { a: 1 } })],
    ['a tensor that is no object', file({ a: 7 })],
    ['a tensor without type', file({ a: { shape: [], data_offsets: [0, 4] } }, 4)],
    ['an unknown type', file({ a: entry([1], [0, 4], 'F99') }, 4)],
    ['another type', file({ a: entry([2], [0, 16], 'F64') }, 16)],
    ['a type that objects have', file({ a: entry([2], [0, 8], 'toString') }, 8)],
    ['halves as long as floats', file({ a: entry([2], [0, 8], 'F16') }, 8)],
    ['a negative extent', file({ a: entry([-1], [0, 4]) }, 4)],
    ['a fractional extent', file({ a: entry([0.5], [0, 2]) }, 2)],
    ['a shape that overflows', file({ a: entry([2 ** 52, 2 ** 52], [0, 4]) }, 4)],
    ['a shape of infinite product', file({ a: entry(Array(40).fill(2 ** 52), [0, 4]) }, 4)],
    ['one offset', file({ a: entry([1], [0]) }, 4)],
    ['offsets that are text', file({ a: entry([1], ['0', '4']) }, 4)],
    ['offsets that run backwards', file({ a: entry([1], [4, 0]) }, 4)],
    ['fewer bytes than the shape', file({ a: entry([2], [0, 4]) }, 4)],
    ['more bytes than the shape', file({ a: entry([1], [0, 8]) }, 8)],
    ['a gap at the start', file({ a: entry([1], [4, 8]) }, 8)],
    ['a gap between tensors', file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12)],
    ['tensors that overlap', file({ a: entry([2], [0, 8]), b: entry([2], [4, 12]) }, 12)],
    ['the same bytes twice', file({ a: entry([1], [0, 4]), b: entry([1], [0, 4]) }, 4)],
    ['bytes after the last tensor', file({ a: entry([1], [0, 4]) }, 5)],
    ['a file cut short', file({ a: entry([4], [0, 16]) }, 12)],
    ['bytes without a tensor', file({}, 4)],
  ]
  for (const [name, bytes] of wrong)
    test(`${name} is refused`, () => assert.throws(() => decodeTensors(bytes), refuses('checkpoint_invalid')))

  test('no cut of a good file and no flip of a header bit crashes the reader', () => {
    const good = fileOf([
      { name: 'a/kernel', shape: [3, 2], data: new Float32Array(6) },
      { name: 'a/bias', shape: [2], data: new Float32Array(2) },
    ])
    for (let length = 0; length < good.length; length++)
      assert.throws(() => decodeTensors(good.subarray(0, length)), refuses('checkpoint_invalid'))
    let refused = 0
    const end = good.length - 32
    for (let bit = 0; bit < end * 8; bit++) {
      const bad = good.slice()
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      try {
        decodeTensors(bad)
      } catch (thrown) {
        refuses('checkpoint_invalid')(thrown)
        refused++
      }
    }
    // A changed letter of a name is still a name.
    assert.ok(refused > end * 4, `${refused} of ${end * 8} refused`)
  })

  test('a repeated or reserved name and data that do not fill their shape are not written', () => {
    const one = { name: 'a', shape: [1], data: new Float32Array(1) }
    for (const bad of [
      [one, one],
      [{ ...one, name: '__metadata__' }],
      [{ ...one, shape: [2] }],
      [{ ...one, shape: [-1] }],
    ])
      assert.throws(() => encodeTensors(bad), refuses('checkpoint_invalid'))
  })

  const python = spawnSync('python3', ['-c', 'import safetensors, numpy']).status === 0
  test('the official reader agrees', { skip: !python && 'needs python3 with safetensors and numpy' }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'fedstrata-safetensors-'))
    try {
      const path = join(folder, 'm.safetensors')
      const data = Float32Array.of(1.5, -2, 3.25, 1e-40, 3e38, -0)
      const given = [
        { name: 'fc1/kernel', shape: [2, 3], data },
        { name: 'fc1/bias', shape: [0], data: new Float32Array() },
      ]
      writeFileSync(path, fileOf(given, { format: 'fedstrata' }))
      const code = `import sys, json; from safetensors import safe_open
with safe_open(sys.argv[1], 'np') as f:
  print(json.dumps([f.metadata(), {k: [list(f.get_tensor(k).shape), f.get_tensor(k).tobytes().hex()] for k in sorted(f.keys())}]))`
      const { stdout, stderr } = spawnSync('python3', ['-c', code, path], { encoding: 'utf8' })
      assert.deepEqual(JSON.parse(stdout || JSON.stringify(stderr)), [
        { format: 'fedstrata' },
        { 'fc1/bias': [[0], ''], 'fc1/kernel': [[2, 3], Buffer.from(data.buffer).toString('hex')] },
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
