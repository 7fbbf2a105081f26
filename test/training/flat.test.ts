import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { prepareEngine } from '../../src/compute/choose.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { type Examples, examplesOf } from '../../src/data/examples.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { executorOf } from '../../src/training/executor.ts'
import { type TrainJob, trainLocally } from '../../src/training/train.ts'
import { saveModel } from '../helpers/saved-model.ts'
import { normals } from '../helpers/values.ts'
import { jobOf, planOf } from './fixtures.ts'

// That the flat executor's numbers are right is in test/compute/flat.test.ts and, with everything a plan can ask for, in
// train.test.ts, which runs on it. Here: it and TF.js on wasm are one engine, and which of them ran cannot be seen.

const SHAPE = { inputShape: [17, 16, 3], numClasses: 4 }
const SIZE = 17 * 16 * 3

/** Bytes, as images are. */
function images(count: number): Examples {
  const pixels = Uint8Array.from(normals(5, count * SIZE), value => Math.max(0, Math.min(255, 128 + 60 * value)))
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 4)
  return examplesOf(pixels, labels, SIZE, 1 / 255)
}

describe('the flat executor and TF.js on wasm', () => {
  const examples = images(22) // batches of 8: the last one of an epoch has 6
  let network: Network
  /** The same network, as if nothing had been said of its layers. */
  let without: Network
  let start: Params

  async function use(options: object): Promise<void> {
    network = await buildNetwork(validate(modelSchema, options), SHAPE)
    without = { ...network, plan: 'kept from the flat executor' }
    start = network.init(createRng(7))
  }

  async function same(options: object, rest: Partial<TrainJob> = {}): Promise<void> {
    const plan = planOf({ epochs: 2, batchSize: 8, ...options })
    assert.equal(executorOf(network, plan), 'flat executor')
    assert.equal(executorOf(without, plan), 'TF.js: kept from the flat executor')
    const job = jobOf(start, examples, plan, rest)
    const flat = await trainLocally(network, job)
    assert.deepEqual(flat, await trainLocally(without, job))
    assert.notDeepEqual(flat.params, start)
    assert.deepEqual(await evaluate(network, flat.params, examples), await evaluate(without, flat.params, examples))
  }

  before(() => prepareEngine('wasm'))

  for (const options of [
    { name: 'mlp', hidden: [13, 6] },
    { name: 'linear', hidden: [5], bias: false },
    { name: 'lenet5' },
    { name: 'cnn' },
    { name: 'vgg8' },
    { name: 'resnet8' },
    { name: 'resnet18', width: 4 },
  ])
    it(`train and evaluate ${JSON.stringify(options)} to the same bits`, async () => {
      await use(options)
      await same({ optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9 } })
      network.dispose()
    })

  it('train and evaluate a model of one’s own to the same bits: strides, padding, means of windows, a skip', async () => {
    const root = mkdtempSync(join(tmpdir(), 'fedstrata-flat-'))
    try {
      const start = input({ shape: SHAPE.inputShape })
      const apply = (layer: layers.Layer, ...x: SymbolicTensor[]) =>
        layer.apply(x.length > 1 ? x : x[0]!) as SymbolicTensor
      const first = apply(layers.conv2d({ filters: 6, kernelSize: [3, 4], strides: [2, 1], padding: 'same' }), start)
      const mean = apply(layers.averagePooling2d({ poolSize: [3, 2], strides: [2, 1] }), first)
      const pooled = apply(layers.maxPooling2d({ poolSize: 3, strides: 1, padding: 'same' }), mean)
      const sum = apply(layers.add(), pooled, apply(layers.reLU(), mean))
      const end = apply(layers.dense({ units: SHAPE.numClasses }), apply(layers.flatten(), sum))
      const made = model({ inputs: start, outputs: end })
      const path = await saveModel(made, root)
      made.dispose()
      await use({ name: 'layersModel', path })
      await same({ optimizer: { name: 'sgd', learningRate: 0.02 } })
      network.dispose()
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  describe('agree to the bit on', () => {
    before(() => use({ name: 'lenet5' }))
    after(() => network.dispose())
    const sgd = { name: 'sgd', learningRate: 0.05 }
    const cases: Record<string, object> = {
      'plain SGD': { optimizer: sgd },
      'momentum and weight decay': { optimizer: { ...sgd, momentum: 0.9, weightDecay: 0.01 } },
      Adam: { optimizer: { name: 'adam' } },
      'a schedule': { optimizer: sgd, schedule: { name: 'cosine', over: 'round' } },
      'clipped gradients': { optimizer: sgd, clipNorm: 1 },
      'frozen blocks': { optimizer: { name: 'adam' }, frozen: ['conv2', 'fc1'] },
      phases: {
        optimizer: { name: 'adam' },
        phases: [{ train: ['fc*'] }, { train: ['conv1'] }, { train: ['*'] }, { train: ['fc3'] }],
      },
      'layers that rest': { optimizer: { name: 'adam' }, dropping: { over: 'round' }, epochs: 3 },
      SAM: { optimizer: sgd, sharpness: { rho: 0.1 } },
      'the loss towards an anchor': { optimizer: { ...sgd, momentum: 0.9 }, connectivity: { beta: 0.5 } },
      'everything at once': {
        optimizer: { ...sgd, momentum: 0.5, weightDecay: 0.1 },
        sharpness: { rho: 0.05 },
        connectivity: { beta: 0.3, interpolation: 0.5 },
        loss: 'balanced',
        dropping: { start: 0.4, over: 'round' },
        regularizer: { name: 'prox', mu: 0.3 },
        clipNorm: 0.5,
        frozen: ['fc2'],
        phases: [{ train: ['conv*'], epochs: 2 }, { train: ['*'] }],
      },
    }
    for (const [name, options] of Object.entries(cases)) it(name, () => same(options))

    it('the pull towards an anchor', () =>
      same(
        { optimizer: sgd, regularizer: { name: 'prox', mu: 0.5 } },
        { anchor: start.map((value, i) => value + Math.sin(i)) },
      ))

    it('a correction of each gradient', () =>
      same({ optimizer: sgd, clipNorm: 2 }, { correction: start.map((_, i) => Math.cos(i) / 10) }))

    it('memory that was kept from before', async () => {
      for (const optimizer of [{ name: 'adam' }, { ...sgd, momentum: 0.9 }]) {
        const plan = planOf({ batchSize: 8, optimizer, frozen: ['fc2'] })
        const { state } = await trainLocally(without, jobOf(start, examples, plan))
        await same({ optimizer, phases: [{ train: ['conv*'] }, { train: ['*'] }] }, { state })
      }
    })

    it('clients of one example and of more than a batch, one after the other', async () => {
      for (const count of [1, 22, 3, 9])
        await same({ optimizer: sgd }, { indices: Uint32Array.from({ length: count }, (_, i) => i) })
    })

    it('how training diverges', async () => {
      const plan = planOf({ epochs: 3, batchSize: 8, optimizer: { name: 'sgd', learningRate: 1e6, momentum: 0.9 } })
      const errors = await Promise.all(
        [network, without].map(model =>
          trainLocally(model, jobOf(start, examples, plan)).catch(error => String(error)),
        ),
      )
      assert.match(String(errors[0]), /local epoch 1, step [23]\b/)
      assert.equal(errors[0], errors[1])
    })
  })

  it('leave to TF.js what has no plan, and say what that is', async () => {
    await use({ name: 'mobilenet', width: 0.1, norm: 'none' })
    assert.match(executorOf(network, planOf()), /^TF\.js: .*DepthwiseConv2D/)
    network.dispose()
    await use({ name: 'mlp', hidden: [4] })
    await prepareEngine('cpu')
    assert.equal(executorOf(network, planOf()), 'TF.js: the engine is cpu')
    await prepareEngine('wasm')
    network.dispose()
  })
})
