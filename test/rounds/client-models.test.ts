import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { layoutOf } from '../../src/core/layout.ts'
import { clientModel, nextClientStates } from '../../src/rounds/client-models.ts'

const layout = layoutOf(
  ['a', 'b', 'c'].map(name => ({ name: `${name}/kernel`, shape: [2], kind: 'kernel' as const, trainable: true })),
)
const global = Float32Array.of(0, 1, 2, 3, 4, 5)
const floats = (...values: number[]) => Float32Array.from(values)

describe("a client's model", () => {
  test('takes its own blocks where it has them, and the global ones elsewhere', () => {
    const model = clientModel(layout, global, new Map([['block/b', floats(9, 9)]]))
    assert.deepEqual([...model], [0, 1, 9, 9, 4, 5])
    assert.deepEqual([...global], [0, 1, 2, 3, 4, 5])
  })

  test('is a view, not a copy, of a body that holds every block in order', () => {
    const body = floats(-1, 10, 11, 12, 13, 14, 15)
    const segments = new Map(
      layout.blocks.map(({ name, offset, size }) => [`block/${name}`, body.subarray(1 + offset, 1 + offset + size)]),
    )
    const model = clientModel(layout, global, segments)
    assert.equal(model.buffer, body.buffer)
    assert.deepEqual([...model], [10, 11, 12, 13, 14, 15])
    const shuffled = new Map([...segments].map(([name, values]) => [name, values.slice()]))
    assert.deepEqual([...clientModel(layout, global, shuffled)], [...model])
  })
})

describe("the clients' own states", () => {
  const before = new Map([
    [
      1,
      new Map([
        ['block/a', floats(1, 1)],
        ['block/c', floats(2, 2)],
      ]),
    ],
    [
      2,
      new Map([
        ['block/a', floats(3, 3)],
        ['momentum/a', floats(4, 4)],
      ]),
    ],
  ])
  const sent = [
    {
      client: 1,
      segments: new Map([
        ['block/a', floats(5, 5)],
        ['block/b', floats(6, 6)],
      ]),
    },
  ]

  test('a member keeps what it sent but for the averaged blocks; the others lose only those', () => {
    const after = nextClientStates(before, sent, new Set(['a']))
    assert.deepEqual([...after.keys()], [1, 2])
    assert.deepEqual([...after.get(1)!.keys()], ['block/b'])
    assert.deepEqual([...after.get(2)!.keys()], ['momentum/a'])
  })

  test('a client with nothing of its own is not remembered', () => {
    assert.deepEqual([...nextClientStates(new Map(), sent, new Set(['a', 'b'])).keys()], [])
  })

  test('does not hold on to the body that a segment came in', () => {
    const body = new Float32Array(1000)
    const after = nextClientStates(
      new Map(),
      [{ client: 0, segments: new Map([['block/a', body.subarray(4, 6)]]) }],
      new Set(),
    )
    assert.equal(after.get(0)!.get('block/a')!.buffer.byteLength, 8)
  })
})
