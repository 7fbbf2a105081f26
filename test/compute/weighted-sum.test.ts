import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { centralMean } from '../../src/compute/ops/central-mean.ts'
import { electedMean } from '../../src/compute/ops/elected-mean.ts'
import { meanAroundMedian } from '../../src/compute/ops/mean-around-median.ts'
import { weightedSum } from '../../src/compute/ops/weighted-sum.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { ENGINES, RELATIVE_TOLERANCE, runsOn, SKIP, SUMS_IN_FLOAT32, useEngine } from '../strategies/engines.ts'
import { assertClose } from '../strategies/fixtures.ts'
import { medianOracle, trimmedMeanOracle } from '../strategies/oracle.ts'

const gaussian = (rows: number, columns: number) => {
  const stream = createRng(3, `${rows}x${columns}`)
  return Float32Array.from({ length: rows * columns }, () => normal(stream))
}
const rowsOf = (values: Float32Array, rows: number) =>
  Array.from({ length: rows }, (_, k) =>
    Array.from(values.subarray((k * values.length) / rows, ((k + 1) * values.length) / rows)),
  )

async function run(op: (stack: tf.Tensor2D) => tf.Tensor1D, values: Float32Array, rows: number): Promise<Float32Array> {
  const result = tf.tidy(() => op(tf.tensor2d(values, [rows, values.length / rows])))
  const data = (await result.data()) as Float32Array
  result.dispose()
  return data.slice()
}

for (const engine of ENGINES) {
  describe(`ops over a stack on ${engine}`, { skip: SKIP[engine] }, () => {
    const tolerance = RELATIVE_TOLERANCE[engine]

    it("weightedSum gives FedJAX's own vector", async () => {
      await useEngine(engine)
      // fedjax/aggregators/aggregator_test.py: [1,2,3], [2,4,6], [1,3,5] with weights 2, 4, 2.
      const stack = Float32Array.of(1, 2, 3, 2, 4, 6, 1, 3, 5)
      assert.deepEqual([...(await run(t => weightedSum(t, [0.25, 0.5, 0.25]), stack, 3))], [1.5, 3.25, 5])
    })

    it('weightedSum is the float64 sum rounded once, across tile borders', async () => {
      await useEngine(engine)
      for (const [rows, columns] of [
        [1, 1],
        [2, 8191],
        [3, 8192],
        [20, 8193],
        [5, 20_000],
      ] as const) {
        const values = gaussian(rows, columns)
        const weights = Array.from({ length: rows }, (_, k) => (k + 1) / ((rows * (rows + 1)) / 2))
        const expected = new Float64Array(columns)
        const scale = new Float64Array(columns)
        for (const [k, weight] of weights.entries())
          for (let i = 0; i < columns; i++) {
            expected[i]! += weight * values[k * columns + i]!
            scale[i]! += weight * Math.abs(values[k * columns + i]!)
          }
        const actual = await run(t => weightedSum(t, weights), values, rows)
        if (SUMS_IN_FLOAT32[engine]) assertClose(actual, expected, tolerance, scale)
        else assert.deepEqual(actual, Float32Array.from(expected))
      }
    })

    it('weightedSum refuses another number of weights than rows', async () => {
      await useEngine(engine)
      const stack = tf.tensor2d([1, 2], [2, 1])
      assert.throws(() => weightedSum(stack, [1]), { code: 'input_invalid' })
      stack.dispose()
    })

    it('centralMean is the mean, the trimmed mean and the median of the oracle', async () => {
      await useEngine(engine)
      const sizes = new Set<string>()
      for (const rows of [1, 2, 3, 4, 5, 10, 16, 17, 48, 49, 64, 65, 100]) {
        const values = gaussian(rows, 11)
        const scale = Array.from({ length: 11 }, () => 4)
        assertClose(
          await run(t => centralMean(t, Math.floor((rows - 1) / 2)), values, rows),
          medianOracle(rowsOf(values, rows)),
          tolerance,
          scale,
        )
        assertClose(
          await run(t => centralMean(t, 0), values, rows),
          trimmedMeanOracle(rowsOf(values, rows), 0),
          tolerance,
          scale,
        )
        if (rows >= 5) {
          const cut = Math.trunc(rows / 5)
          assertClose(
            await run(t => centralMean(t, cut), values, rows),
            trimmedMeanOracle(rowsOf(values, rows), 20),
            tolerance,
            scale,
          )
        }
        sizes.add(rows <= 48 ? 'insertion' : 'engine sort')
      }
      assert.equal(sizes.size, 2)
    })

    it('centralMean refuses to cut everything', async () => {
      await useEngine(engine)
      const stack = tf.tensor2d([1, 2], [2, 1])
      for (const cut of [1, -1, 0.5, Number.NaN])
        assert.throws(() => centralMean(stack, cut), { code: 'input_invalid' })
      stack.dispose()
    })

    it('centralMean does not see the order of the rows', async () => {
      await useEngine(engine)
      let ties = 0
      const column = fc.array(
        fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true, min: -9, max: 9 }), fc.constantFrom(0, 1)),
        { minLength: 1, maxLength: 9, size: 'max' },
      )
      await fc.assert(
        fc.asyncProperty(column, async values => {
          if (new Set(values).size < values.length) ties++
          const cut = Math.floor((values.length - 1) / 2)
          const forward = await run(t => centralMean(t, cut), Float32Array.from(values), values.length)
          const backward = await run(t => centralMean(t, cut), Float32Array.from(values.toReversed()), values.length)
          assert.equal(forward[0], backward[0])
        }),
        runsOn(engine, 100),
      )
      assert.ok(ties > runsOn(engine, 100).numRuns / 20, `${ties} runs with ties`)
    })

    it('leaves no tensor and does not write to its input', async () => {
      await useEngine(engine)
      const values = gaussian(5, 40)
      const stack = tf.tensor2d(values.slice(), [5, 40])
      const { numTensors, numDataBuffers } = tf.memory()
      for (const op of [
        (t: tf.Tensor2D) => weightedSum(t, [0.1, 0.2, 0.3, 0.2, 0.2]),
        (t: tf.Tensor2D) => centralMean(t, 2),
      ])
        op(stack).dispose()
      assert.deepEqual([tf.memory().numTensors, tf.memory().numDataBuffers], [numTensors, numDataBuffers])
      assert.deepEqual(await stack.data(), values)
      stack.dispose()
    })
  })
}

describe('ops that look at whole columns', () => {
  it('have the bits of their loops in JavaScript in the kernel pack: any rows, whole strips of columns and a rest', async () => {
    for (const columns of [1, 16, 37, 64])
      for (const rows of [1, 2, 3, 5, 8, 13, 31, 32, 33, 64, 65]) {
        const values = gaussian(rows, columns)
        for (let i = 0; i < values.length; i += 5) values[i] = Math.round(values[i]!) // ties, and zeros of either sign
        const weights = Array.from({ length: rows }, (_, row) => (row % 4) / 7)
        const ops = [
          (stack: tf.Tensor2D) => electedMean(stack, weights),
          ...[1, Math.ceil(rows / 2), rows].map(count => (stack: tf.Tensor2D) => meanAroundMedian(stack, count)),
          ...[0, Math.floor(rows / 5), Math.floor((rows - 1) / 2)].map(
            cut => (stack: tf.Tensor2D) => centralMean(stack, cut),
          ),
        ]
        for (const op of ops) {
          await useEngine('wasm')
          const packed = await run(op, values, rows)
          await useEngine('cpu')
          const looped = await run(op, values, rows)
          assert.deepEqual(
            packed.map(value => value + 0),
            looped.map(value => value + 0),
            `${rows} x ${columns}`,
          ) // + 0: a zero has no sign
        }
      }
  })
})

describe('ops over a stack on a wasm heap that grows', () => {
  it('reads the stack where it is after the output was allocated', async () => {
    await useEngine('wasm')
    // Far beyond the initial heap of 16 MiB: with these sizes stack and output each make it grow.
    const columns = 2_500_000
    const stack = new Float32Array(2 * columns).fill(2, 0, columns).fill(4, columns)
    const mean = await run(t => weightedSum(t, [0.5, 0.5]), stack, 2)
    assert.ok(mean.every(value => value === 3))
  })
})
