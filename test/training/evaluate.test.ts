import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { range } from '../../src/core/indices.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import type { Network } from '../../src/models/network.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { assertClose } from '../helpers/values.ts'
import { blobs, smallNetwork, WIDTHS } from './fixtures.ts'
import { lossAndGradient } from './oracle.ts'

describe('evaluation', () => {
  let network: Network
  let params: Params
  let tensors = 0
  const examples = blobs(53)

  before(async () => {
    await prepareEngine('wasm')
    network = await smallNetwork()
    params = network.init(createRng(2))
    tensors = tf.memory().numTensors
  })
  after(() => network.dispose())

  it('is the mean over examples, whatever the batch size', async () => {
    const { x, y } = gather(examples, range(53))
    const { loss } = lossAndGradient(Float64Array.from(params), WIDTHS, x, y)
    for (const batchSize of [1, 10, 53, 500]) {
      const result = await evaluate(network, params, examples, { batchSize })
      assertClose([result.loss], [loss], 1e-6)
      assert.equal(result.numExamples, 53)
    }
    assert.equal(tf.memory().numTensors, tensors)
  })

  it('counts an example as right when its class has the largest logit', async () => {
    const { d, h, c } = WIDTHS
    const bias = new Float32Array(params.length)
    bias[d * h + h + h * c + 1] = 1 // every logit 0 but the second: class 1 for everyone
    const { accuracy, loss } = await evaluate(network, bias, examples)
    assert.equal(accuracy, examples.y.filter(label => label === 1).length / 53)
    const share = (shift: number) => Math.log(Math.E + c - 1) - shift // −log softmax of [0, 1, 0] at 0 and at 1
    assertClose([loss], [accuracy * share(1) + (1 - accuracy) * share(0)], 1e-6)
  })

  it('looks at the examples it is told to', async () => {
    const indices = Uint32Array.of(5, 17, 40)
    const { x, y } = gather(examples, indices)
    const result = await evaluate(network, params, examples, { indices })
    assertClose([result.loss], [lossAndGradient(Float64Array.from(params), WIDTHS, x, y).loss], 1e-6)
    assert.equal(result.numExamples, 3)
  })

  it('has no value for no examples, and no accuracy for a model that is not finite', async () => {
    const none = await evaluate(network, params, examples, { indices: new Uint32Array(0) })
    assert.deepEqual(none, { loss: Number.NaN, accuracy: Number.NaN, numExamples: 0 })
    const broken = await evaluate(
      network,
      params.map(() => Number.NaN),
      examples,
    )
    assert.deepEqual(broken, { loss: Number.NaN, accuracy: Number.NaN, numExamples: 53 })
  })

  it('stops when it is told to', async () => {
    const reason = new Error('enough')
    await assert.rejects(evaluate(network, params, examples, { signal: AbortSignal.abort(reason) }), reason)
    assert.equal(tf.memory().numTensors, tensors)
  })
})
