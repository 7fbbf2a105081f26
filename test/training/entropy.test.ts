import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { gather } from '../../src/data/examples.ts'
import { entropySlope } from '../../src/training/entropy.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { matMul } from '../oracle/matrix.ts'
import { ENGINES, SKIP, useEngine } from '../strategies/engines.ts'
import { blobs, smallNetwork, WIDTHS } from './fixtures.ts'

const examples = blobs(12)
const indices = Uint32Array.of(7, 1, 10, 4, 2)
const { d, h, c } = WIDTHS
const params = normals(6, d * h + h + h * c + c).map(value => 0.7 * value)

/** Mean entropy of the predictions of relu(x W1 + b1) W2 + b2, in float64. */
function entropyOf(w: Float64Array): number {
  const { x, y } = gather(examples, indices)
  const n = y.length
  const hidden = matMul(x, w.subarray(0, d * h), [n, d, h]).map((v, i) => Math.max(0, v + w[d * h + (i % h)]!))
  const at = d * h + h
  const logits = matMul(hidden, w.subarray(at, at + h * c), [n, h, c]).map((v, i) => v + w[at + h * c + (i % c)]!)
  let sum = 0
  for (let row = 0; row < n; row++) {
    const z = [...logits.subarray(row * c, (row + 1) * c)]
    const total = z.reduce((all, value) => all + Math.exp(value), 0)
    for (const value of z) sum -= (Math.exp(value) / total) * Math.log(Math.exp(value) / total)
  }
  return sum / n
}

for (const engine of ENGINES)
  describe(`the entropy of predictions on ${engine}`, { skip: SKIP[engine] }, () => {
    it('and its gradient are those of float64 loops and their difference quotients', async () => {
      await useEngine(engine)
      const network = await smallNetwork()
      const tensors = tf.memory().numTensors
      const { entropy, gradient } = await entropySlope(network, params, examples, indices)
      assert.equal(tf.memory().numTensors, tensors)
      const exact = Float64Array.from(params)
      assert.ok(Math.abs(entropy - entropyOf(exact)) < 1e-5, `${entropy}`)
      const step = 1e-5
      const expected = exact.map((value, i) => {
        const at = (to: number) => entropyOf(exact.with(i, to))
        return (at(value + step) - at(value - step)) / (2 * step)
      })
      assert.ok(expected.some(value => Math.abs(value) > 0.05))
      assertClose(gradient, expected, 1e-5, 'gradient')
      // Whatever their labels.
      const relabelled = { ...examples, y: examples.y.map(label => (label + 1) % c) }
      assert.deepEqual((await entropySlope(network, params, relabelled, indices)).gradient, gradient)
      network.dispose()
    })
  })
