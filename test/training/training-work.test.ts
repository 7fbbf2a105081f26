import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { modelSchema } from '../../src/models/index.ts'
import { denseStep, trainingWork, typicalWork } from '../../src/training/training-work.ts'

const data = { name: 'mnist-10k', normalize: false } as const
const work = (model: object, batchSize = 4) =>
  trainingWork({ model: modelSchema.parse(model), data, local: { batchSize } })

describe('a run’s own work, by which engines are compared', () => {
  it('is one step of its model on the current engine, and leaves no tensor', async () => {
    for (const engine of ['wasm', 'cpu'] as const) {
      await prepareEngine(engine)
      const tensors = tf.memory().numTensors
      for (const model of [
        { name: 'mlp', hidden: [5] },
        { name: 'mobilenet', width: 0.05 },
      ])
        assert.ok((await work(model).stepMs()) > 0)
      assert.equal(tf.memory().numTensors, tensors)
    }
  })

  it('is that of a dense and of a convolutional network where no run is known', async () => {
    await prepareEngine('wasm')
    const tensors = tf.memory().numTensors
    assert.ok((await typicalWork.stepMs()) > 0)
    assert.equal(tf.memory().numTensors, tensors)
    assert.notEqual(typicalWork.key, denseStep.key)
  })

  it('is remembered by model, batch size and data', () => {
    const keys = [
      work({ name: 'mlp', hidden: [5] }),
      work({ name: 'mlp', hidden: [6] }),
      work({ name: 'mlp', hidden: [5] }, 8),
      trainingWork({
        model: modelSchema.parse({ name: 'mlp', hidden: [5] }),
        data: { ...data, train: 100 },
        local: { batchSize: 4 },
      }),
    ].map(({ key }) => key)
    assert.equal(new Set(keys).size, keys.length)
    assert.equal(work({ name: 'mlp', hidden: [5] }).key, keys[0])
  })
})
