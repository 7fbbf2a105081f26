import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import {
  model as functional,
  input,
  type LayersModel,
  layers,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers'
import { type ErrorCode, FedError } from '../../src/core/errors.ts'
import { blockNames } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { saveModel } from '../helpers/saved-model.ts'

const root = mkdtempSync(join(tmpdir(), 'fedstrata-models-'))
before(() => tf.setBackend('cpu'))
after(() => rmSync(root, { recursive: true }))

const open = (path: string, options: object = {}, inputShape: readonly number[] = [4], numClasses = 3) =>
  buildNetwork(validate(modelSchema, { name: 'layersModel', path, ...options }), { inputShape, numClasses })

/** Saves a model; returns its folder, its weights in order, and what it answers to `x`. */
async function saved(model: LayersModel, x = tf.ones([2, 4])) {
  const dir = await saveModel(model, root)
  const weights = model.layers.flatMap(layer => layer.weights)
  const params = (await Promise.all(weights.map(weight => weight.read().data()))).flatMap(values => [...values])
  const output = model.predict(x) as tf.Tensor
  const answer = [...(await output.data())]
  tf.dispose([x, output])
  for (const weight of weights) weight.dispose() // model.dispose() leaves those of nested models
  return { dir, params, answer }
}

async function probabilities(network: Network, x: tf.Tensor = tf.ones([2, 4])): Promise<readonly number[]> {
  const result = tf.tidy(() => tf.softmax(network.forward(x)))
  const values = [...(await result.data())]
  tf.dispose([x, result])
  return values
}

function close(received: readonly number[], expected: readonly number[]): void {
  assert.equal(received.length, expected.length)
  for (const [i, value] of received.entries())
    assert.ok(Math.abs(value - expected[i]!) < 1e-6, `${received} ${expected}`)
}

const small = (last: 'softmax' | 'linear' | 'sigmoid' = 'softmax') =>
  sequential({
    layers: [
      layers.dense({ name: 'hidden', units: 5, activation: 'tanh', inputShape: [4], biasInitializer: 'glorotNormal' }),
      layers.dense({ name: 'out', units: 3, activation: last }),
    ],
  })

function branched(): LayersModel {
  const x = input({ shape: [4] })
  const left = layers.dense({ name: 'left', units: 3, activation: 'relu' }).apply(x) as SymbolicTensor
  const right = layers.dense({ name: 'right', units: 3 }).apply(x) as SymbolicTensor
  const sum = layers.add({ name: 'sum' }).apply([left, right]) as SymbolicTensor
  return functional({ inputs: x, outputs: layers.softmax({ name: 'probabilities' }).apply(sum) as SymbolicTensor })
}

const nested = () => {
  const head = sequential({ name: 'head' })
  head.add(layers.dense({ name: 'out', units: 3, inputShape: [5] }))
  head.add(layers.activation({ name: 'soft', activation: 'softmax' }))
  const body = layers.dense({ name: 'body', units: 5, inputShape: [4] })
  return sequential({ layers: [body, head] })
}

test('stored weights come back in order, and a final softmax is taken off however it was written', async () => {
  const cases: [LayersModel, string[]][] = [
    [small(), ['hidden', 'out']],
    [branched(), ['left', 'right']],
    [nested(), ['body', 'out']],
  ]
  const start = tf.memory().numTensors - cases.reduce((sum, [{ weights }]) => sum + weights.length, 0)
  for (const [model, blocks] of cases) {
    const { dir, params, answer } = await saved(model)
    for (const path of [dir, join(dir, 'model.json')]) {
      const network = await open(path)
      assert.deepEqual(blockNames(network.layout), blocks)
      assert.deepEqual([...(await network.read())], params)
      close(await probabilities(network), answer)
      network.dispose()
    }
  }
  assert.equal(tf.memory().numTensors, start)
})

test('a model that gives logits is left as it is', async () => {
  const { dir, answer } = await saved(small('linear'))
  const network = await open(dir)
  const x = tf.ones([2, 4])
  const logits = network.forward(x)
  close([...(await logits.data())], answer)
  tf.dispose([x, logits])
  network.dispose()
})

test('init gives the stored weights whatever the stream, and fresh ones when asked', async () => {
  const { dir, params } = await saved(small())
  const [kept, fresh] = [await open(dir), await open(dir, { init: 'glorotUniform' })]
  assert.deepEqual([...kept.init(createRng(1))], params)
  kept.init(createRng(1)).fill(0)
  kept.assign(new Float32Array(params.length))
  assert.deepEqual([...kept.init(createRng(2))], params)
  assert.notDeepEqual([...fresh.init(createRng(1))], params)
  assert.deepEqual(fresh.init(createRng(1)), fresh.init(createRng(1)))
  kept.dispose()
  fresh.dispose()
})

test('a norm layer is one block of kind norm, whose running statistics are not trained but move', async () => {
  const model = sequential({
    layers: [
      layers.dense({ name: 'fc1', units: 2, inputShape: [4] }),
      layers.batchNormalization({ name: 'bn1' }),
      layers.dense({ name: 'fc2', units: 3 }),
    ],
  })
  const { dir } = await saved(model)
  const network = await open(dir)
  assert.deepEqual(blockNames(network.layout), ['fc1', 'bn1', 'fc2'])
  assert.deepEqual(
    network.layout.blocks[1]!.tensors.map(({ name, kind, trainable }) => [name, kind, trainable]),
    [
      ['bn1/gamma', 'norm', true],
      ['bn1/beta', 'norm', true],
      ['bn1/moving_mean', 'norm', false],
      ['bn1/moving_variance', 'norm', false],
    ],
  )
  assert.deepEqual(network.trainable, [true, true, true, true, false, false, true, true])
  const before = await network.read()
  const start = tf.memory().numTensors
  const x = tf.tensor2d([
    [1, 2, 3, 4],
    [4, 3, 2, 2],
  ])
  network.forward(x).dispose()
  assert.deepEqual(await network.read(), before)
  network.forward(x, true).dispose()
  const moved = await network.read()
  const { offset } = network.layout.blocks[1]!
  assert.deepEqual(moved.subarray(0, offset + 4), before.subarray(0, offset + 4))
  assert.notDeepEqual(moved.subarray(offset + 4, offset + 8), before.subarray(offset + 4, offset + 8))
  x.dispose()
  assert.equal(tf.memory().numTensors, start)
  network.dispose()
})

test('dropout follows our stream: a new mask each pass, the same masks from the same seed, none in evaluation', async () => {
  const model = sequential({
    layers: [
      layers.dense({ name: 'fc1', units: 64, inputShape: [4] }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ name: 'fc2', units: 3 }),
    ],
  })
  const { dir, answer } = await saved(model)
  const network = await open(dir)
  const passes = async (seed: number) => {
    network.reseed(createRng(seed))
    const outputs: string[] = []
    for (let pass = 0; pass < 3; pass++) {
      const x = tf.ones([2, 4])
      const y = network.forward(x, true)
      outputs.push(String(await y.data()))
      tf.dispose([x, y])
    }
    return outputs
  }
  const first = await passes(1)
  assert.equal(new Set(first).size, 3)
  assert.deepEqual(await passes(1), first)
  assert.notDeepEqual(await passes(2), first)
  const x = tf.ones([2, 4])
  const y = network.forward(x)
  close([...(await y.data())], answer)
  tf.dispose([x, y])
  network.dispose()
})

function refused(build: Promise<Network>, code: ErrorCode, ...parts: readonly RegExp[]): Promise<void> {
  return assert.rejects(build, error => {
    assert.ok(error instanceof FedError, String(error))
    assert.equal(error.code, code)
    for (const part of parts) assert.match(error.message, part)
    return true
  })
}

test('a model whose shapes do not fit the data is refused with both shapes, and leaves nothing behind', async () => {
  const { dir } = await saved(small())
  const start = tf.memory().numTensors
  await refused(
    open(dir, {}, [28, 28, 1]),
    'model_invalid',
    /\[batch, 28, 28, 1\] or \[batch, 784\]/,
    /input \[batch, 4\]/,
  )
  await refused(open(dir, {}, [4], 10), 'model_invalid', /output \[batch, 10\]/, /output \[batch, 3\]/)
  assert.equal(tf.memory().numTensors, start)
  const flat = await open(dir, {}, [2, 2, 1])
  assert.equal((await probabilities(flat, tf.ones([2, 2, 2, 1]))).length, 6)
  flat.dispose()
})

test('stored weights that are not finite are refused with layer and place; fresh ones take their place', async () => {
  const model = small()
  const [kernel, ...rest] = model.getWeights()
  const values = kernel!.dataSync().slice()
  values[5] = Number.NaN
  model.setWeights([tf.tensor(values, kernel!.shape), ...rest])
  const { dir } = await saved(model)
  await refused(open(dir), 'model_invalid', /finite/, /NaN at \S+kernel\[5\]/)
  ;(await open(dir, { init: 'heNormal' })).dispose()
})

test('an output activation that is neither logits nor softmax, and noise without a seed, are refused', async () => {
  await refused(open((await saved(small('sigmoid'))).dir), 'model_invalid', /softmax/, /sigmoid in out/)
  const noisy = small('linear')
  noisy.add(layers.gaussianNoise({ name: 'noise', stddev: 1 }))
  await refused(open((await saved(noisy)).dir), 'model_invalid', /GaussianNoise "noise"/, /repeat/)
})

test('files that are missing, cut, or something else are refused with their names', async () => {
  const { dir } = await saved(small())
  const json = join(dir, 'model.json')
  const text = readFileSync(json, 'utf8')
  const changed = (change: (model: { weightsManifest: { paths: string[] }[]; format: string }) => void) => {
    const model = JSON.parse(text)
    change(model)
    writeFileSync(json, JSON.stringify(model))
    return open(dir)
  }
  await refused(open(join(root, 'nowhere')), 'file_unreadable', /nowhere/, /model\.path/)
  await refused(
    changed(model => {
      model.weightsManifest[0]!.paths[1] = 'lost.bin'
    }),
    'file_unreadable',
    /lost\.bin/,
  )
  await refused(
    changed(model => {
      model.weightsManifest[0]!.paths[1] = '../../etc/passwd'
    }),
    'model_invalid',
    /inside/,
  )
  await refused(
    changed(model => {
      model.format = 'graph-model'
    }),
    'model_invalid',
    /GraphModel/,
    /tensorflowjs_converter/,
  )
  writeFileSync(json, '{"modelTopology":{}}')
  await refused(open(dir), 'model_invalid', /weightsManifest/)
  writeFileSync(json, 'not JSON')
  await refused(open(dir), 'model_invalid', /JSON in model\.json/)
  writeFileSync(json, text.replace('"Dense"', '"Dens"'))
  await refused(open(dir), 'model_invalid', /Dens/)
  writeFileSync(json, text)
  truncateSync(join(dir, 'group1-shard2of2.bin'), 8)
  // 4·5 + 5 + 5·3 + 3 = 43 float32 = 172 bytes, of which the first file holds 86.
  await refused(open(dir), 'model_invalid', /172 bytes/, /got 94 bytes/)
})
