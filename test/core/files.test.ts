import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fileKind } from '../../src/core/file-kind.ts'
import { fileTrouble } from '../../src/core/file-trouble.ts'
import { floatsOfBfloats, floatsOfHalves } from '../../src/core/half.ts'
import { textOf } from '../../src/core/text-file.ts'

/** Little-endian. */
const words = (...values: readonly number[]) => new Uint8Array(values.flatMap(value => [value & 0xff, value >> 8]))
const bits = (values: Float32Array) => [...new Uint32Array(values.buffer)]

describe('half precision is widened exactly', () => {
  // Values written out by hand from the fields of the format (IEEE 754-2019, table 3.5).
  const halves: readonly (readonly [half: number, value: number])[] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125], // 1365 / 4096
    [0x7bff, 65504], // largest
    [0x0400, 2 ** -14], // smallest normal, 2^-14
    [0x03ff, 1023 * 2 ** -24], // largest subnormal, 1023 / 2^24
    [0x0001, 2 ** -24], // smallest subnormal, 2^-24
    [0x8001, -(2 ** -24)],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7c01, Number.NaN],
    [0xfe00, Number.NaN],
  ]
  test('binary16', () => {
    const widened = floatsOfHalves(words(...halves.map(([half]) => half)))
    for (const [i, [half, value]] of halves.entries()) assert.ok(Object.is(widened[i], value), half.toString(16))
  })

  test('bfloat16 is the upper half of a float32, also subnormal, infinite and not a number', () => {
    const upper = [0x0000, 0x8000, 0x3f80, 0xc049, 0x7f7f, 0x0080, 0x0001, 0x807f, 0x7f80, 0xff80]
    assert.deepEqual(
      bits(floatsOfBfloats(words(...upper))),
      upper.map(word => word * 65536),
    )
    const [one, pi, least] = floatsOfBfloats(words(0x3f80, 0xc049, 0x0001))
    assert.deepEqual([one, pi, least], [1, -3.140625, 2 ** -133])
    assert.ok(floatsOfBfloats(words(0x7fc0, 0xff81)).every(Number.isNaN))
  })

  test('from any place in memory', () => {
    const bytes = new Uint8Array([0xff, ...words(0x3c00, 0xc000)]).subarray(1)
    assert.deepEqual([...floatsOfHalves(bytes)], [1, -2])
    assert.deepEqual([...floatsOfBfloats(new Uint8Array([0, ...words(0x4000)]).subarray(1))], [2])
  })
})

describe('a text file', () => {
  const text = 'name: größe\nseed: 1\n'
  const utf16 = Buffer.from(text, 'utf16le')
  const swapped = Buffer.from(utf16).swap16()
  test('is read in UTF-8, and in UTF-16 where its mark says so', () => {
    for (const bytes of [
      Buffer.from(text),
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]),
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
      Buffer.concat([Buffer.from([0xfe, 0xff]), swapped]),
    ])
      assert.equal(textOf(bytes), text)
    assert.equal(textOf(new Uint8Array()), '')
  })
  test('is none where the bytes are another thing', () => {
    for (const bytes of [utf16, Buffer.from(text, 'latin1'), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from('a\0b')])
      assert.equal(textOf(bytes), null)
  })
})

describe('the kind of a file', () => {
  const zip = (name: string) => {
    const header = Buffer.alloc(30)
    header.writeUInt32LE(0x04034b50, 0)
    header.writeUInt16LE(name.length, 26)
    return Buffer.concat([header, Buffer.from(name), Buffer.alloc(8)])
  }
  const safetensors = Buffer.concat([Buffer.from([64, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"a":{}}')])
  for (const [what, bytes, said, conversion] of [
    ['Keras 2', Buffer.from('\x89HDF\r\n\x1a\n....', 'latin1'), /HDF5.*\.h5/, /--input_format=keras /],
    ['Keras 3', zip('metadata.json'), /\.keras/, /--input_format=keras_keras /],
    ['torch.save', zip('model/data.pkl'), /PyTorch/, /build the network in Keras/],
    ['an old torch.save', Buffer.from([0x80, 0x02, 0x8a]), /pickle/, /build the network in Keras/],
    ['a SavedModel', Buffer.from([0x08, 0x01, 0x12, 0x90]), /SavedModel/, /keras_saved_model/],
    ['ONNX', Buffer.from([0x08, 0x07, 0x12, 0x07, ...Buffer.from('pytorch')]), /ONNX/, /build the network in Keras/],
    ['safetensors', safetensors, /safetensors/, /fedstrata analyze/],
    ['some zip', zip('readme.txt'), /zip/, undefined],
  ] as const)
    test(what, () => {
      const kind = fileKind(bytes)
      assert.match(kind?.what ?? '', said)
      if (conversion) assert.match(kind?.conversion ?? '', conversion)
      else assert.equal(kind?.conversion, undefined)
    })

  test('is not guessed for text, for nothing, and for what is cut', () => {
    for (const bytes of [
      Buffer.from('{"modelTopology":{}}'),
      Buffer.from('rounds: 3'),
      Buffer.alloc(0),
      Buffer.from([0x80]),
    ])
      assert.equal(fileKind(bytes), null)
  })
})

test('trouble with a file is told in words of ours where there are some', () => {
  const error = Object.assign(new Error("ENOENT: no such file or directory, open 'x'"), { code: 'ENOENT' })
  assert.equal(fileTrouble(error), 'no such file')
  assert.equal(fileTrouble(Object.assign(new Error('EWHAT: odd'), { code: 'EWHAT' })), 'EWHAT: odd')
  assert.equal(fileTrouble('thrown text'), 'thrown text')
})
