import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { prepareEngine } from '../../src/compute/choose.ts'
import { type LayerLayout, type Params, view } from '../../src/core/layout.ts'
import { familyOf, type ModelFamily } from '../../src/core/model-family.ts'
import { createRng, integer } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { examplesOf } from '../../src/data/examples.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { evaluateFamily, stagePasses } from '../../src/training/evaluate-family.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { normals } from '../helpers/values.ts'

const SHAPE = { inputShape: [16, 16, 3], numClasses: 4 }
const COUNT = 7
const examples = examplesOf(
  normals(5, COUNT * 16 * 16 * 3),
  Uint8Array.from({ length: COUNT }, (_, i) => i % 4),
  16 * 16 * 3,
  1,
)

/** Models over two or three versions of each block, so that many share their first blocks and some are the same. */
function someModels(layout: LayerLayout, ends: readonly Params[], count: number, seed: number): Params[] {
  const rng = createRng(seed)
  return Array.from({ length: count }, () => {
    const params = ends[0]!.slice()
    for (const block of layout.blocks) {
      const from = integer(rng, 4) === 0 ? ends[1 + integer(rng, ends.length - 1)]! : ends[0]!
      view(params, block).set(view(from, block))
    }
    return params
  })
}

function starts(network: Network, count: number): Params[] {
  return Array.from({ length: count }, (_, i) => network.init(createRng(20 + i)))
}

const skips = { wasm: false, cpu: false, webgpu: withoutSoftwareAdapter() }
const MODELS = [
  { name: 'mlp', hidden: [6, 5, 4] },
  { name: 'vgg8' },
  { name: 'resnet8' },
  { name: 'mobilenet', width: 0.1, norm: 'batch' },
]

for (const [engine, skip] of Object.entries(skips))
  describe(`many models at once on ${engine}`, { skip }, () => {
    before(() => prepareEngine(engine))

    for (const options of engine === 'wasm' ? MODELS : MODELS.slice(0, 3))
      test(`have the bits of each evaluated alone: ${options.name}`, async () => {
        const network = await buildNetwork(validate(modelSchema, options), SHAPE)
        const models = someModels(network.layout, starts(network, 3), engine === 'wasm' ? 12 : 6, 3)
        const alone = []
        for (const params of models) alone.push(await evaluate(network, params, examples, { batchSize: 3 }))
        const tensors = tf.memory().numTensors
        const family = familyOf(network.layout, models)
        const together = await evaluateFamily(network, family, examples, { batchSize: 3 })
        assert.deepEqual(together, alone)
        assert.equal(tf.memory().numTensors, tensors)
        const passes = stagePasses(network, family)
        assert.ok(passes.shared < passes.alone, JSON.stringify(passes))
        network.dispose()
      })
  })

describe('many models at once', () => {
  let network: Network
  let family: ModelFamily
  before(async () => {
    await prepareEngine('wasm')
    network = await buildNetwork(validate(modelSchema, { name: 'mlp', hidden: [6, 5, 4] }), SHAPE)
    family = familyOf(network.layout, someModels(network.layout, starts(network, 3), 9, 1))
  })
  after(() => network.dispose())

  test('pass through as many stages as there are different beginnings of models', () => {
    const reached = { shares: 0, equal: 0 }
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 20 }),
        models => {
          const passes = stagePasses(network, { ...family, models })
          const beginnings = models.flatMap(model => model.map((_, k) => model.slice(0, k + 1).join()))
          assert.deepEqual(passes, { shared: new Set(beginnings).size, alone: models.length * 4 })
          reached.shares += Number(passes.shared < passes.alone)
          reached.equal += Number(new Set(models.map(String)).size < models.length)
        },
      ),
      { seed: 4, numRuns: 100 },
    )
    assert.ok(reached.shares > 10 && reached.equal > 10, JSON.stringify(reached))
  })

  test('are told apart by their bits: a negative zero is another block than zero', () => {
    const [zero, negative] = [new Float32Array(network.layout.size), new Float32Array(network.layout.size)]
    negative[3] = -0
    const { models } = familyOf(network.layout, [zero, negative, zero.slice()])
    assert.deepEqual(models, [
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 0],
    ])
  })

  test('say after each batch how far they are, look at the examples they are told to, and leave no tensor', async () => {
    const seen: string[] = []
    const tensors = tf.memory().numTensors
    const indices = Uint32Array.of(6, 1, 2, 5, 0)
    const options = {
      indices,
      batchSize: 2,
      onProgress: (done: number, total: number) => seen.push(`${done}/${total}`),
    }
    const [first] = await evaluateFamily(network, family, examples, options)
    assert.deepEqual(seen, ['2/5', '4/5', '5/5'])
    const params = new Float32Array(network.layout.size)
    for (const block of network.layout.blocks)
      view(params, block).set(family.values(block, family.models[0]![block.index]!))
    assert.deepEqual(first, await evaluate(network, params, examples, { indices, batchSize: 2 }))
    assert.equal(tf.memory().numTensors, tensors)
  })

  test('stop when they are told to, in the middle of a batch, and leave no tensor', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const tensors = tf.memory().numTensors
    let assigned = 0
    const watched: ModelFamily = {
      ...family,
      values(block, version) {
        if (++assigned === 6) stop.abort(reason)
        return family.values(block, version)
      },
    }
    await assert.rejects(evaluateFamily(network, watched, examples, { signal: stop.signal }), reason)
    assert.ok(assigned >= 6 && assigned < 12, `${assigned}`)
    assert.equal(tf.memory().numTensors, tensors)
  })

  test('have no value for no examples', async () => {
    const none = await evaluateFamily(network, family, examples, { indices: new Uint32Array(0) })
    assert.deepEqual(
      none,
      family.models.map(() => ({ loss: Number.NaN, accuracy: Number.NaN, numExamples: 0 })),
    )
  })
})
