import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FedError } from '../../src/core/errors.ts'
import {
  blockNamed,
  layoutOf,
  requireSameTensors,
  statisticsIn,
  type TensorSpec,
  tensorViews,
  view,
  weightBlocks,
  weightsIn,
} from '../../src/core/layout.ts'
import { asShared, floatPool, sharedCopy, sharedFloats } from '../../src/core/params.ts'

const tensor = (name: string, ...shape: number[]): TensorSpec => ({ name, shape, kind: 'kernel', trainable: true })
const tensors = [
  tensor('fc1/kernel', 3, 2),
  tensor('fc1/bias', 2),
  tensor('stage/conv/kernel', 1, 1, 2, 4),
  tensor('scale'),
]

describe('a layout', () => {
  const layout = layoutOf(tensors)

  test('groups adjacent tensors by their name up to the last slash, without gap or overlap', () => {
    assert.deepEqual(
      layout.blocks.map(({ name, index, offset, size }) => ({ name, index, offset, size })),
      [
        { name: 'fc1', index: 0, offset: 0, size: 8 },
        { name: 'stage/conv', index: 1, offset: 8, size: 8 },
        { name: 'scale', index: 2, offset: 16, size: 1 },
      ],
    )
    assert.equal(layout.size, 17)
  })

  test('its views are of the vector itself', () => {
    const params = Float32Array.from({ length: 17 }, (_, i) => i)
    assert.deepEqual([...view(params, blockNamed(layout, 'stage/conv'))], [8, 9, 10, 11, 12, 13, 14, 15])
    assert.deepEqual(
      tensorViews(params, layout.blocks[0]!).map(part => [...part]),
      [
        [0, 1, 2, 3, 4, 5],
        [6, 7],
      ],
    )
    view(params, layout.blocks[2]!)[0] = -1
    assert.equal(params[16], -1)
  })

  test('its digest tells shapes and names apart, and nothing else', () => {
    assert.equal(layoutOf(tensors.map(spec => ({ ...spec, trainable: false }))).digest, layout.digest)
    assert.notEqual(layoutOf([tensor('fc1/kernel', 2, 3), ...tensors.slice(1)]).digest, layout.digest)
    assert.notEqual(layoutOf([tensor('fc2/kernel', 3, 2), ...tensors.slice(1)]).digest, layout.digest)
    assert.match(layout.digest, /^[0-9a-f]{16}$/)
  })

  test('refuses the tensors of one layer apart from each other', () => {
    const apart = [tensors[0]!, tensors[3]!, tensors[1]!]
    assert.throws(
      () => layoutOf(apart),
      (error: FedError) => error.code === 'model_invalid',
    )
  })

  test('names the first tensor that differs, and the unknown block', () => {
    assert.throws(
      () => requireSameTensors(layout, [tensors[0]!, tensor('fc1/bias', 3)]),
      (error: FedError) => error.code === 'layout_mismatch' && error.message.includes('fc1/bias [2], got fc1/bias [3]'),
    )
    assert.throws(
      () => requireSameTensors(layout, tensors.slice(0, 3)),
      (error: FedError) => error.message.includes('scale [], got no further tensor'),
    )
    requireSameTensors(layout, tensors)
    assert.throws(
      () => blockNamed(layout, 'fc9'),
      (error: FedError) => error.message.includes('fc1, stage/conv, scale'),
    )
  })
})

describe('statistics in a layout', () => {
  const mean = { ...tensor('norm/moving_mean', 2), trainable: false, statistic: 'mean' } as const
  const variance = { ...tensor('norm/moving_variance', 2), trainable: false, statistic: 'variance' } as const
  const frozen = { ...tensor('norm/gamma', 2), trainable: false }
  const parts = ({ offset, size, tensors }: ReturnType<typeof weightsIn>) => [offset, size, tensors.map(t => t.name)]

  test('lie behind the weights of their block, frozen ones too, and both parts keep its name and index', () => {
    const [, norm] = layoutOf([tensors[0]!, frozen, tensor('norm/beta', 2), mean, variance]).blocks
    assert.deepEqual(parts(weightsIn(norm!)), [6, 4, ['norm/gamma', 'norm/beta']])
    assert.deepEqual(parts(statisticsIn(norm!)), [10, 4, ['norm/moving_mean', 'norm/moving_variance']])
    for (const part of [weightsIn(norm!), statisticsIn(norm!)]) assert.deepEqual([part.name, part.index], ['norm', 1])
    assert.deepEqual(weightsIn(weightsIn(norm!)), weightsIn(norm!))
  })

  test('a block without any is its own weights, and one of nothing else has none', () => {
    const { blocks } = layoutOf([tensors[0]!, mean, variance])
    assert.equal(weightsIn(blocks[0]!), blocks[0])
    assert.equal(statisticsIn(blocks[0]!).size, 0)
    assert.deepEqual(parts(weightsIn(blocks[1]!)), [6, 0, []])
    assert.deepEqual(parts(statisticsIn(blocks[1]!)), [6, 4, ['norm/moving_mean', 'norm/moving_variance']])
    assert.deepEqual(weightBlocks(blocks), [blocks[0]])
  })

  test('before a weight of the same block are refused', () => {
    assert.throws(() => layoutOf([mean, frozen]), { code: 'model_invalid', message: /norm before its statistics/ })
  })

  test('follow from names, so what they are changes no digest', () => {
    assert.equal(layoutOf([mean]).digest, layoutOf([{ ...mean, statistic: undefined }]).digest)
  })
})

test('shared arrays: a copy owns its memory, and what is shared already stays where it is', () => {
  const whole = sharedFloats(1000)
  const part = whole.subarray(10, 12)
  assert.equal(sharedCopy(part).buffer.byteLength, 8)
  assert.equal(asShared(part), part)
  assert.ok(asShared(Float32Array.of(1)).buffer instanceof SharedArrayBuffer)
})

test('a pool hands out again what was given back, by length, and shares nothing that is still out', () => {
  const pool = floatPool()
  const [a, b] = [pool.take(3), pool.take(3)]
  assert.notEqual(a.buffer, b.buffer)
  pool.give(a)
  assert.notEqual(pool.take(4).buffer, a.buffer)
  assert.equal(pool.take(3), a)
  assert.notEqual(pool.take(3), a)
})
