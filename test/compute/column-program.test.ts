import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { centralMean } from '../../src/compute/ops/central-mean.ts'
import { layeredSum } from '../../src/compute/ops/layered-sum.ts'
import { weightedSum } from '../../src/compute/ops/weighted-sum.ts'
import { centralMeanProgram, MOST_ROWS, sortingNetwork } from '../../src/compute/webgpu/central-mean.ts'
import type { GuardedBackend } from '../../src/compute/webgpu/guarded-backend.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { normals } from '../helpers/values.ts'

describe('the sorting network', () => {
  const sorts = (network: readonly (readonly [number, number])[], values: number[]) => {
    for (const [a, b] of network) if (values[a]! > values[b]!) [values[a], values[b]] = [values[b]!, values[a]!]
    return values.every((value, i) => i === 0 || values[i - 1]! <= value)
  }

  it('sorts every sequence of zeros and ones, hence every sequence (Knuth 5.3.4, Theorem Z)', () => {
    for (let count = 1; count <= 12; count++)
      for (let bits = 0; bits < 2 ** count; bits++)
        assert.ok(
          sorts(
            sortingNetwork(count),
            Array.from({ length: count }, (_, i) => (bits >> i) & 1),
          ),
        )
  })

  it('sorts noise of every length that a program is made for', () => {
    for (let count = 1; count <= MOST_ROWS; count++)
      for (let seed = 0; seed < 20; seed++) assert.ok(sorts(sortingNetwork(count), [...normals(seed, count)]))
  })

  it('has the 63 and the 543 comparators of Batcher’s merge exchange for 16 and 64 values', () => {
    assert.deepEqual(
      [16, 64].map(count => sortingNetwork(count).length),
      [63, 543],
    )
  })

  it('is not written out for more rows than registers', () => {
    assert.equal(centralMeanProgram(MOST_ROWS + 1, 1), null)
  })
})

describe('a stack that is too large for the device', { skip: withoutSoftwareAdapter() }, () => {
  let backend: GuardedBackend
  let room: GuardedBackend['room']
  before(async () => {
    await prepareEngine('webgpu')
    backend = tf.backend() as unknown as GuardedBackend
    room = backend.room
  })
  after(() => {
    backend.room = room
  })

  const [rows, columns] = [5, 1000] as const
  const values = normals(1, rows * columns)
  const weights = [0.1, 0.2, 0.3, 0.25, 0.15]
  const layers = [444, 556].map((size, i) => ({ size, weights: weights.map(weight => weight * (i + 1)) }))
  const ops: Record<string, (stack: tf.Tensor2D) => tf.Tensor1D> = {
    weightedSum: stack => weightedSum(stack, weights),
    layeredSum: stack => layeredSum(stack, layers),
    median: stack => centralMean(stack, 2),
    'trimmed mean': stack => centralMean(stack, 1),
  }
  const run = async (op: (stack: tf.Tensor2D) => tf.Tensor1D, width: number) => {
    const result = tf.tidy(() => op(tf.tensor2d(values.subarray(0, rows * width), [rows, width])))
    const data = await result.data<'float32'>()
    result.dispose()
    return data.slice()
  }

  for (const [name, op] of Object.entries(ops))
    it(`is computed in parts, with the same bits: ${name}`, async () => {
      backend.room = room
      const whole = await run(op, columns)
      const { numTensors, numDataBuffers } = tf.memory()
      // 4000 bytes: the result just fits, a stack of five rows is sent as 200 columns at a time.
      backend.room = { bytes: 4 * columns, limit: 'maxBufferSize' }
      assert.deepEqual(await run(op, columns), whole)
      assert.deepEqual([tf.memory().numTensors, tf.memory().numDataBuffers], [numTensors, numDataBuffers])
    })

  it('is computed in parts one column at a time where four do not fit the number of columns', async () => {
    backend.room = room
    const whole = await run(ops['weightedSum']!, 999)
    backend.room = { bytes: 4 * columns, limit: 'maxBufferSize' }
    assert.deepEqual(await run(ops['weightedSum']!, 999), whole)
  })

  it('is refused when the result does not fit either, and nothing stays behind', () => {
    backend.room = { bytes: 3999, limit: 'maxBufferSize' }
    const { numTensors, numDataBuffers } = tf.memory()
    assert.throws(() => tf.tidy(() => weightedSum(tf.tensor2d(values, [rows, columns]), weights)), {
      code: 'engine_limit',
      message: /float32\[1000\] of 4000 bytes/,
    })
    assert.deepEqual([tf.memory().numTensors, tf.memory().numDataBuffers], [numTensors, numDataBuffers])
  })
})
