import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { range } from '../../src/core/indices.ts'
import { createRng, shuffle } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import { type MixingInput, mixLocally } from '../../src/training/mixing.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { ENGINES, SKIP, useEngine } from '../strategies/engines.ts'
import { blobs, smallNetwork, WIDTHS } from './fixtures.ts'
import { lossAndGradient, spans } from './oracle.ts'

const examples = blobs(23)
const indices = range(20)
const rng = createRng(4)
const size = WIDTHS.d * WIDTHS.h + WIDTHS.h + WIDTHS.h * WIDTHS.c + WIDTHS.c
const [own, global] = [normals(1, size), normals(2, size)].map(values => values.map(value => 0.6 * value))
const [from, to] = spans(WIDTHS).fc2
const options = { share: 0.7, rate: 0.5, threshold: 0.02, window: 4, passes: 60 }
const BATCH = 8

/** FedALA's Algorithm 1, lines 6 to 14, in float64, for the layer fc2. */
function expected(mixing: number[], { share, rate, threshold, window, passes }: typeof options) {
  const A = [...mixing]
  const w = Float64Array.from(own!)
  const mix = () => {
    for (let i = from; i < to; i++) w[i] = own![i]! + (global![i]! - own![i]!) * A[i - from]!
  }
  const chosen = shuffle(rng.fork('mixing'), indices.slice()).subarray(0, Math.floor(share * indices.length))
  const first = A.every(value => value === 1)
  const losses: number[] = []
  mix()
  for (;;) {
    let loss = 0
    for (let at = 0; at < chosen.length; at += BATCH) {
      const { x, y } = gather(examples, chosen, at, Math.min(chosen.length, at + BATCH))
      const slope = lossAndGradient(w, WIDTHS, x, y)
      loss = slope.loss
      for (let i = from; i < to; i++)
        A[i - from] = Math.min(1, Math.max(0, A[i - from]! - rate * slope.gradient[i]! * (global![i]! - own![i]!)))
      mix()
    }
    losses.push(loss)
    if (!first || losses.length === passes) break
    const last = losses.slice(-window)
    const mean = last.reduce((sum, value) => sum + value, 0) / window
    const variance = last.reduce((sum, value) => sum + (value - mean) ** 2, 0) / window
    if (losses.length > window && Math.sqrt(variance) < threshold) break
  }
  return { w, A, passes: losses.length }
}

for (const engine of ENGINES)
  describe(`mixing a client’s layers with the global ones on ${engine}`, { skip: SKIP[engine] }, () => {
    const mixOnce = async (change: Partial<MixingInput> = {}) => {
      await useEngine(engine)
      const network = await smallNetwork()
      const blocks = network.layout.blocks.filter(({ name }) => name === 'fc2')
      const before = tf.memory().numTensors
      const input = { own: own!, global: global!, blocks, kept: new Map(), examples, indices, options }
      const mixed = await mixLocally(network, { ...input, batchSize: BATCH, rng: rng.fork('mixing'), ...change })
      assert.equal(tf.memory().numTensors, before)
      network.dispose()
      return mixed
    }

    it('learns the weights until the losses settle the first time, as the float64 loop does', async () => {
      const oracle = expected(new Array(to - from).fill(1), options)
      assert.ok(oracle.passes > options.window + 1 && oracle.passes < options.passes, `${oracle.passes} passes`)
      for (const there of [(a: number) => a === 0, (a: number) => a === 1, (a: number) => a > 0 && a < 1])
        assert.ok(oracle.A.some(there), 'weights at both ends and between')
      const mixed = await mixOnce()
      assert.equal(mixed.passes, oracle.passes)
      assertClose(mixed.mixing.get('mixing/fc2')!, oracle.A, 1e-4, 'mixing')
      assertClose(mixed.params, oracle.w, 1e-4, 'model')
    })

    it('goes over the examples once with weights that were learnt before, and no more than allowed', async () => {
      const learnt = Float32Array.from({ length: to - from }, (_, i) => (i % 4) / 4)
      const kept = new Map([['mixing/fc2', learnt]])
      const oracle = expected([...learnt], options)
      const mixed = await mixOnce({ kept })
      assert.equal(mixed.passes, 1)
      assertClose(mixed.mixing.get('mixing/fc2')!, oracle.A, 1e-5, 'mixing')
      assertClose(mixed.params, oracle.w, 1e-5, 'model')
      assert.deepEqual(
        [...learnt],
        [...learnt].map((_, i) => (i % 4) / 4),
        'what was kept is not written',
      )
      assert.equal((await mixOnce({ options: { ...options, passes: 3 } })).passes, 3)
    })

    it('has nothing to learn where both versions are the same', async () => {
      const mixed = await mixOnce({ global: own! })
      assert.equal(mixed.passes, 0)
      assert.deepEqual(mixed.params, own)
      assert.deepEqual([...mixed.mixing.get('mixing/fc2')!], new Array(to - from).fill(1))
    })
  })
