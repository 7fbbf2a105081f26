import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { input, layers, model, sequential } from '@tensorflow/tfjs-layers'
import { prepareEngine } from '../../src/compute/choose.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { saveModel } from '../helpers/saved-model.ts'
import { normals } from '../helpers/values.ts'

const SHAPE = { inputShape: [16, 16, 3], numClasses: 4 }
const build = (options: object) => buildNetwork(validate(modelSchema, options), SHAPE)

/** The stages of each architecture by their blocks, counted by hand: residual blocks cannot be cut inside. */
const CASES: readonly [options: object, stages: number][] = [
  [{ name: 'mlp', hidden: [5, 4] }, 3],
  [{ name: 'linear', hidden: [] }, 1],
  [{ name: 'lenet5' }, 5],
  [{ name: 'vgg8' }, 8],
  [{ name: 'resnet8' }, 5],
  [{ name: 'resnet18', width: 2 }, 10],
  [{ name: 'mobilenet', width: 0.1, norm: 'batch' }, 2 * 27 + 1],
]

before(() => prepareEngine('wasm'))

async function compare(network: Network): Promise<void> {
  network.assign(network.init(createRng(1)).map((value, i) => value + 0.01 * Math.sin(i)))
  const x = tf.tensor(normals(2, 3 * 16 * 16 * 3), [3, ...SHAPE.inputShape])
  const tensors = tf.memory().numTensors
  const whole = network.forward(x)
  let part: tf.Tensor = x
  for (const [i, { apply, outputSize }] of network.stages.entries()) {
    const next = apply(part)
    assert.equal(next.size, 3 * outputSize)
    if (i > 0) part.dispose()
    part = next
  }
  assert.deepEqual(await part.data(), await whole.data())
  tf.dispose([part, whole])
  assert.equal(tf.memory().numTensors, tensors)
  const blocks = network.stages.flatMap(stage => stage.blocks)
  assert.deepEqual(
    [...blocks].sort((a, b) => a - b),
    network.layout.blocks.map(({ index }) => index),
    'every block lies in one stage',
  )
  x.dispose()
}

describe('stages', () => {
  for (const [options, stages] of CASES)
    test(`one after another are the forward pass, bit for bit: ${JSON.stringify(options)}`, async () => {
      const network = await build(options)
      assert.equal(network.stages.length, stages)
      await compare(network)
      network.dispose()
    })

  test('a nested stack is cut like any other; a layer that is called twice leaves one stage', async () => {
    const inner = sequential({
      layers: [layers.dense({ units: 6, inputShape: [8], name: 'b' }), layers.dense({ units: 8, name: 'c' })],
    })
    const flat = layers.flatten({ inputShape: SHAPE.inputShape })
    const nested = sequential({
      layers: [flat, layers.dense({ units: 8, name: 'a' }), inner, layers.dense({ units: 4, name: 'd' })],
    })
    const start = input({ shape: SHAPE.inputShape })
    const shared = layers.dense({ units: 5, name: 'twice' })
    const first = shared.apply(layers.dense({ units: 5, name: 'before' }).apply(layers.flatten().apply(start)))
    const output = layers.dense({ units: 4, name: 'after' }).apply(shared.apply(first))
    const twice = model({ inputs: start, outputs: output as never })
    const found: (readonly number[])[][] = []
    for (const made of [nested, twice]) {
      const network = await build({ name: 'layersModel', path: await saveModel(made) })
      await compare(network)
      found.push(network.stages.map(({ blocks }) => blocks))
      network.dispose()
    }
    assert.deepEqual(found, [[[0], [1], [2], [3]], [[0, 1, 2]]])
  })

  test('what each layer gives: relu(x W + b) by plain loops, and the logits last', async () => {
    const network = await buildNetwork(
      { name: 'mlp', hidden: [3], init: 'heNormal' },
      { inputShape: [2], numClasses: 2 },
    )
    // fc1: W [2, 3], b [3]; fc2: W [3, 2], b [2]
    network.assign(Float32Array.of(1, -1, 2, 0.5, 1, -3, 0, 1, 0, 1, 2, 3, 4, 5, 6, 0.5, -0.5))
    const x = tf.tensor2d([1, 2, -1, 1], [2, 2])
    const tensors = tf.memory().numTensors
    const features = network.features(x)
    // (1, 2): (1 + 1, −1 + 2 + 1, 2 − 6) → (2, 2, 0); (−1, 1): (−1 + .5, 1 + 1 + 1, −2 − 3) → (0, 3, 0)
    assert.deepEqual([...(await features[0]!.data())], [2, 2, 0, 0, 3, 0])
    assert.deepEqual([...(await features[1]!.data())], [2 + 6 + 0.5, 4 + 8 - 0.5, 9 + 0.5, 12 - 0.5])
    tf.dispose([...features])
    assert.equal(tf.memory().numTensors, tensors)
    x.dispose()
    network.dispose()
  })

  test('what each layer of a residual network gives has a value for every block, and ends in the logits', async () => {
    const network = await build({ name: 'resnet8' })
    network.assign(network.init(createRng(1)))
    const x = tf.tensor(normals(2, 2 * 16 * 16 * 3), [2, ...SHAPE.inputShape])
    const tensors = tf.memory().numTensors
    const features = network.features(x)
    assert.equal(features.length, network.layout.blocks.length)
    const logits = network.forward(x)
    assert.deepEqual(await features.at(-1)!.data(), await logits.data())
    tf.dispose([...features, logits])
    assert.equal(tf.memory().numTensors, tensors)
    x.dispose()
    network.dispose()
  })

  test('a block can be assigned alone, and takes no other length', async () => {
    const network = await build({ name: 'mlp', hidden: [2] })
    const params = network.init(createRng(1))
    network.assign(params)
    const block = network.layout.blocks[1]!
    network.assignBlock(block, new Float32Array(block.size).fill(7))
    const expected = params.slice().fill(7, block.offset)
    assert.deepEqual(await network.read(), expected)
    assert.throws(() => network.assignBlock(block, new Float32Array(1)), { code: 'length_mismatch' })
    network.dispose()
  })
})
