import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { interpolate } from '../../src/compute/ops/interpolate.ts'
import { layeredSum } from '../../src/compute/ops/layered-sum.ts'
import { normals } from '../helpers/values.ts'
import { ENGINES, RELATIVE_TOLERANCE, runsOn, SKIP, useEngine } from '../strategies/engines.ts'
import { assertClose } from '../strategies/fixtures.ts'

async function read(compute: () => tf.Tensor1D): Promise<Float32Array> {
  const result = tf.tidy(compute)
  const data = await result.data<'float32'>()
  result.dispose()
  return data
}

const layers = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 9 })
/** All borders at multiples of four, where webgpu takes four columns at a time. */
const alignedLayers = layers.map(sizes => sizes.map(size => 4 * size))

for (const engine of ENGINES) {
  const runs = runsOn(engine, 60)
  describe(`layeredSum on ${engine}`, { skip: SKIP[engine] }, () => {
    it('is, in each layer, the float64 sum under that layer’s weights', async () => {
      await useEngine(engine)
      const seen = { aligned: 0, several: 0 }
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(layers, alignedLayers),
          fc.integer({ min: 1, max: 11 }),
          fc.nat(),
          async (sizes, rows, seed) => {
            const columns = sizes.reduce((sum, size) => sum + size, 0)
            if (sizes.every(size => size % 4 === 0)) seen.aligned++
            if (sizes.length > 1) seen.several++
            const stack = normals(seed, rows * columns)
            const weights = sizes.map((_, layer) => normals(seed + 1 + layer, rows))
            const [expected, scale] = [new Float64Array(columns), new Float64Array(columns)]
            let column = 0
            for (const [layer, size] of sizes.entries())
              for (const end = column + size; column < end; column++)
                for (let row = 0; row < rows; row++) {
                  const term = weights[layer]![row]! * stack[row * columns + column]!
                  expected[column]! += term
                  scale[column]! += Math.abs(term)
                }
            const actual = await read(() =>
              layeredSum(
                tf.tensor2d(stack, [rows, columns]),
                sizes.map((size, layer) => ({ size, weights: weights[layer]! })),
              ),
            )
            assertClose(actual, expected, RELATIVE_TOLERANCE[engine], scale)
          },
        ),
        runs,
      )
      for (const [state, count] of Object.entries(seen)) assert.ok(count >= runs.numRuns / 6, `${state}: ${count}`)
    })

    it('refuses layers that are not those of the stack', async () => {
      await useEngine(engine)
      const stack = tf.tensor2d([1, 2, 3, 4], [2, 2])
      for (const wrong of [
        [],
        [{ size: 1, weights: [1, 1] }],
        [{ size: 2, weights: [1] }],
        [
          { size: 3, weights: [1, 1] },
          { size: -1, weights: [1, 1] },
        ],
      ])
        assert.throws(() => layeredSum(stack, wrong), { code: 'input_invalid' })
      stack.dispose()
    })
  })

  describe(`interpolate on ${engine}`, { skip: SKIP[engine] }, () => {
    it('is (1 − t) a + t b of the float64 loop, and both ends bit for bit', async () => {
      await useEngine(engine)
      const lengths = new Set<boolean>()
      const coefficient = fc.double({ min: -0.5, max: 1.5, noNaN: true })
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), coefficient, fc.nat(), async (length, t, seed) => {
          lengths.add(length % 4 === 0)
          const [a, b] = [normals(seed, length), normals(seed + 1, length)]
          const at = (t: number) => read(() => interpolate(tf.tensor1d(a), tf.tensor1d(b), t))
          const expected = a.map((value, i) => (1 - t) * value + t * b[i]!)
          const scale = Float64Array.from(a, (value, i) => Math.abs((1 - t) * value) + Math.abs(t * b[i]!))
          assertClose(await at(t), expected, 2 ** -21, scale)
          assert.deepEqual(await at(0), a)
          assert.deepEqual(await at(1), b)
        }),
        runs,
      )
      assert.equal(lengths.size, 2)
    })

    it('leaves no tensor, and refuses what cannot be mixed', async () => {
      await useEngine(engine)
      const [a, b, short] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4]), tf.tensor1d([1])]
      const { numTensors, numDataBuffers } = tf.memory()
      interpolate(a, b, 0.5).dispose()
      assert.throws(() => interpolate(a, short, 0.5), { code: 'input_invalid' })
      assert.throws(() => interpolate(a, b, Number.NaN), { code: 'input_invalid' })
      assert.deepEqual([tf.memory().numTensors, tf.memory().numDataBuffers], [numTensors, numDataBuffers])
      tf.dispose([a, b, short])
    })
  })
}
