import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { prepareEngine } from '../../src/compute/choose.ts'
import { NAN_BITS, withNaN } from '../../src/compute/not-a-number.ts'
import { tensorViews } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { examplesOf } from '../../src/data/examples.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { addScores, evaluate } from '../../src/training/evaluate.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { normals } from '../helpers/values.ts'

const SHAPE = { inputShape: [16, 16, 3], numClasses: 4 }
// Class 0 throughout: whoever takes the largest of nothing but NaN by comparing finds the first.
const examples = examplesOf(normals(5, 2 * 16 * 16 * 3), new Uint8Array(2), 16 * 16 * 3, 1)

const skips = { wasm: false, cpu: false, webgpu: withoutSoftwareAdapter() }
const MODELS = [
  { name: 'linear' },
  { name: 'mlp', hidden: [6, 5] },
  { name: 'lenet5' },
  { name: 'vgg8' },
  { name: 'resnet8' },
  { name: 'mobilenet', width: 0.1, norm: 'batch' },
  { name: 'mobilenet', width: 0.1, norm: 'group' },
]

for (const [engine, skip] of Object.entries(skips))
  describe(`a model with NaN in it on ${engine}`, { skip }, () => {
    before(() => prepareEngine(engine))

    for (const options of engine === 'webgpu' ? MODELS.slice(0, 4) : MODELS)
      test(`evaluates to NaN, whichever tensor it is in: ${Object.values(options).join(' ')}`, async () => {
        const network = await buildNetwork(validate(modelSchema, options), SHAPE)
        const sound = network.init(createRng(1))
        assert.ok(Number.isFinite((await evaluate(network, sound, examples)).loss))
        const tensors = network.layout.blocks.flatMap(block => block.tensors.map((_, i) => ({ block, i })))
        assert.ok(tensors.length >= 2)
        for (const { block, i } of tensors) {
          const params = sound.slice()
          tensorViews(params, block)[i]!.fill(Number.NaN)
          const { loss, accuracy } = await evaluate(network, params, examples)
          assert.deepEqual({ loss, accuracy }, { loss: Number.NaN, accuracy: Number.NaN }, `${block.name} ${i}`)
          assert.ok((await logitsInTensors(network, params)).every(Number.isNaN), `${block.name} ${i} in TF.js`)
        }
        network.dispose()
      })
  })

describe('a model whose arithmetic made NaN', () => {
  /** Finite parameters with something in one block changed. */
  const spoilt: readonly (readonly [string, string, (values: readonly Float32Array[]) => void])[] = [
    // √(−0.05 + ε) in the middle of the network.
    ['batch', 'block6/depthwise_norm', values => values.at(-1)!.fill(-0.05)],
    // ∞ − ∞ in the first normalization, and what it gives goes through every ReLU.
    ['group', 'conv1', ([kernel]) => kernel!.set(kernel!.map(weight => weight * 1e38))],
  ]
  for (const engine of ['wasm', 'cpu'])
    for (const [norm, name, spoil] of spoilt)
      test(`evaluates to NaN on ${engine}: mobilenet with norm ${norm}`, async () => {
        await prepareEngine(engine)
        const model = validate(modelSchema, { name: 'mobilenet', width: 0.1, norm })
        const network = await buildNetwork(model, SHAPE)
        const params = network.init(createRng(1))
        spoil(tensorViews(params, network.layout.blocks.find(block => block.name === name)!))
        assert.ok(params.every(Number.isFinite))
        const { loss, accuracy } = await evaluate(network, params, examples)
        assert.deepEqual({ loss, accuracy }, { loss: Number.NaN, accuracy: Number.NaN })
        network.dispose()
      })
})

describe('activations of a model of the user', () => {
  for (const engine of ['wasm', 'cpu'])
    test(`keep NaN on ${engine}`, async () => {
      await prepareEngine(engine)
      const names = ['elu', 'hardSigmoid', 'linear', 'relu', 'relu6', 'selu', 'sigmoid', 'softmax', 'softplus']
      for (const activation of [...names, 'softsign', 'tanh', 'swish', 'mish', 'gelu'] as const) {
        const model = sequential({
          layers: [layers.dense({ units: 5, inputShape: [3], activation: activation as 'elu' })],
        })
        for (const bits of Object.values(NAN_BITS)) {
          const x = tf.tensor(withNaN(bits, Array(6).fill(Number.NaN)), [2, 3])
          const y = model.predict(x) as tf.Tensor
          assert.ok((await y.data()).every(Number.isNaN), `${activation} ${bits.toString(16)}`)
        }
      }
    })
})

describe('the score of a row', () => {
  const { NaN: nan, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number
  const rows: readonly [readonly number[], number, { readonly loss: number; readonly correct: number }][] = [
    [[nan, nan, nan], 0, { loss: nan, correct: 0 }],
    [[nan, 1, 2], 0, { loss: nan, correct: 0 }],
    [[nan, 1, 2], 2, { loss: nan, correct: 0 }],
    [[2, 1, nan], 0, { loss: nan, correct: 0 }],
    [[most, 1, 2], 0, { loss: nan, correct: 0 }],
    [[most, 1, most], 1, { loss: nan, correct: 0 }],
    [[least, least, least], 0, { loss: nan, correct: 0 }],
    [[least, 1, 1], 0, { loss: most, correct: 0 }],
    [[least, 1, 0], 1, { loss: Math.log1p(Math.exp(-1)), correct: 1 }],
  ]
  for (const [logits, label, expected] of rows)
    test(`[${logits}] with the label ${label}`, () => {
      const tally = { loss: 0, correct: 0 }
      addScores(tally, Float32Array.from(logits), Uint8Array.of(label), 3)
      assert.equal(tally.correct, expected.correct)
      if (Number.isFinite(expected.loss)) assert.ok(Math.abs(tally.loss - expected.loss) < 1e-12)
      else assert.equal(tally.loss, expected.loss)
    })
})

/** Without the flat executor. */
async function logitsInTensors(network: Network, params: Float32Array): Promise<Float32Array> {
  network.assign(params)
  const logits = tf.tidy(() => network.forward(tf.tensor(normals(6, 2 * 16 * 16 * 3), [2, 16, 16, 3])))
  const values = await logits.data<'float32'>()
  logits.dispose()
  return values
}
