import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { prepareEngine } from '../../src/compute/choose.ts'
import { FedError } from '../../src/core/errors.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { saveModel } from '../helpers/saved-model.ts'

const root = mkdtempSync(join(tmpdir(), 'fedstrata-trainability-'))
before(() => prepareEngine('wasm'))
after(() => rmSync(root, { recursive: true }))

async function open(parts: readonly layers.Layer[], inputShape: readonly number[]) {
  const model = sequential({ layers: [...parts, layers.dense({ name: 'out', units: 3 })] })
  const path = await saveModel(model, root)
  model.dispose()
  return buildNetwork(validate(modelSchema, { name: 'layersModel', path }), { inputShape, numClasses: 3 })
}

const refuses = (opening: Promise<unknown>, says: RegExp) =>
  assert.rejects(opening, error => {
    assert.ok(error instanceof FedError, String(error))
    assert.equal(error.code, 'model_invalid')
    assert.match(error.message, says)
    return true
  })

const image = (name: string, dilationRate = 1) => [
  layers.conv2d({ name, filters: 2, kernelSize: 2, dilationRate, inputShape: [8, 8, 1] }),
  layers.flatten(),
]

test('a layer that TF.js cannot differentiate is refused when the model is opened, by its name', async () => {
  await refuses(open(image('wide', 2), [8, 8, 1]), /Conv2D "wide": .*dilation/i)
})

test('so is one whose gradient the engine has no kernel for, with the name of the engine', async () => {
  const kernel = tf.getKernel('Conv2DBackpropFilter', 'wasm')
  tf.unregisterKernel('Conv2DBackpropFilter', 'wasm')
  try {
    await refuses(open(image('conv'), [8, 8, 1]), /trained on the engine wasm.*Conv2D "conv": .*Conv2DBackpropFilter/)
  } finally {
    tf.registerKernel(kernel)
  }
})

test('everything that can be trained is let in, and its weights and running statistics are those of the file', async () => {
  const bodies: [readonly layers.Layer[], number[]][] = [
    [
      [...image('conv'), layers.dropout({ rate: 0.5 }), layers.batchNormalization({ name: 'norm' })],
      [8, 8, 1],
    ],
    [[layers.lstm({ name: 'lstm', units: 2, recurrentInitializer: 'glorotNormal', inputShape: [4, 3] })], [4, 3]],
    [
      [layers.separableConv2d({ name: 'sep', filters: 2, kernelSize: 3, inputShape: [5, 5, 2] }), layers.flatten()],
      [5, 5, 2],
    ],
    [[layers.dense({ name: 'fc', units: 4, inputShape: [6] }), layers.layerNormalization({ name: 'norm' })], [6]],
  ]
  for (const [parts, shape] of bodies) {
    const network = await open(parts, shape)
    const [params, stored] = [
      await network.read(),
      network.init({ ...createRng(1), next: () => 0, fork: () => assert.fail() }),
    ]
    assert.deepEqual(params, stored)
    const variance = network.layout.blocks.find(({ name }) => name === 'norm')
    if (variance?.tensors.length === 4)
      assert.ok(
        params.subarray(variance.offset + variance.size - 3, variance.offset + variance.size).every(v => v === 1),
      )
    network.dispose()
  }
})
