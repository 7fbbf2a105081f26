import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { input, type LayersModel, layers, model, type SymbolicTensor, sequential } from '@tensorflow/tfjs-layers'
import { type LayerLayout, layoutOf } from '../../src/core/layout.ts'
import type { NetworkPlan, UnitPlan } from '../../src/core/network-plan.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { flatPart, planOf } from '../../src/models/network-plan.ts'
import { weightsOf } from '../../src/models/weights.ts'
import { weightsFor } from '../alignment/networks.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { valuesOf } from '../oracle/network-plan.ts'

before(() => tf.setBackend('cpu'))

const SHAPE = { inputShape: [16, 16, 3], numClasses: 4 }

describe('the plan of a network', () => {
  for (const options of [
    { name: 'mlp', hidden: [7, 5] },
    { name: 'linear', hidden: [6], bias: false },
    { name: 'lenet5' },
    { name: 'cnn' },
    { name: 'vgg8' },
    { name: 'resnet8' },
    { name: 'resnet18', width: 4 },
    ...['none', 'batch', 'layer', 'group'].map(norm => ({ name: 'mobilenet', width: 0.1, norm })),
  ])
    it(`computes what TF.js computes: ${JSON.stringify(options)}`, async () => {
      const network = await buildNetwork(validate(modelSchema, options), SHAPE)
      const plan = requirePlan(network.units)
      const params = weightsFor(network, 3)
      const x = normals(4, 2 * 16 * 16 * 3)
      network.assign(params)
      const logits = tf.tidy(() => network.forward(tf.tensor(x, [2, ...SHAPE.inputShape])))
      assertClose(await logits.data(), valuesOf(plan, params, x, 2).at(-1)!, 1e-4)
      assert.equal(plan.numParams, network.layout.size)
      if (options.name === 'mobilenet') assert.match(network.plan as string, /^(DepthwiseConv2D|\w+Normalization) "/)
      else assert.equal(network.plan, plan)
      logits.dispose()
      network.dispose()
    })

  it('names each op after its layer, and makes ReLU part of the op before where only that one is asked', async () => {
    const network = await buildNetwork(validate(modelSchema, { name: 'resnet8' }), SHAPE)
    const { ops } = requirePlan(network.plan)
    assert.deepEqual(
      ops.slice(0, 5).map(({ kind, layer, relu, inputs }) => [kind, layer, relu, ...inputs]),
      [
        ['convolution', 'conv1', true, 0],
        ['convolution', 'block1/conv1', true, 1],
        ['convolution', 'block1/conv2', false, 2],
        ['add', 'block1/sum', true, 3, 1],
        ['convolution', 'block2/conv1', true, 4],
      ],
    )
    network.dispose()
  })

  it('knows the normalisation of TF.js too, with the weights that it has', async () => {
    const parts = [
      layers.inputLayer({ inputShape: [3, 2, 4] }),
      layers.batchNormalization({ name: 'whole', epsilon: 0.5 }),
      layers.batchNormalization({ name: 'bare', scale: false, center: false }),
      layers.flatten(),
    ]
    const built = sequential({ layers: parts })
    const plan = requirePlan(unitsOf(built))
    // γ, β, running mean and variance, 4 each; then mean and variance.
    const params = Float32Array.from({ length: 24 }, (_, i) => 0.3 + ((7 * i) % 11) / 4)
    for (const [i, weight] of built.weights.entries()) weight.write(tf.tensor1d(params.slice(4 * i, 4 * i + 4)))
    // TF.js lists what is trained first.
    assert.deepEqual(
      built.weights.map(({ originalName }) => originalName),
      [
        'whole/gamma',
        'whole/beta',
        'whole/moving_mean',
        'whole/moving_variance',
        'bare/moving_mean',
        'bare/moving_variance',
      ],
    )
    const x = normals(4, 2 * 24)
    const y = built.predict(tf.tensor(x, [2, 3, 2, 4])) as tf.Tensor
    assertClose(await y.data(), valuesOf(plan, params, x, 2).at(-1)!, 1e-5)
  })

  it('keeps ReLU apart where the value before it is used too', () => {
    const start = input({ shape: [4] })
    const x = layers.dense({ name: 'a', units: 3 }).apply(start) as SymbolicTensor
    const y = layers.reLU({ name: 'b' }).apply(x) as SymbolicTensor
    const sum = layers.add({ name: 'c' }).apply([x, y]) as SymbolicTensor
    const plan = requirePlan(described(model({ inputs: start, outputs: sum })))
    assert.deepEqual(
      plan.ops.map(({ kind, relu }) => [kind, relu]),
      [
        ['dense', false],
        ['rectifier', true],
        ['add', false],
      ],
    )
    assert.deepEqual(plan.ops[2]!.inputs, [1, 2])
  })

  describe('says what keeps a model from being described', () => {
    const around = (part: layers.Layer) => () =>
      sequential({
        layers: [layers.inputLayer({ inputShape: [6, 6, 2] }), part, layers.flatten(), layers.dense({ units: 2 })],
      })
    const convolution = { name: 'c', filters: 1, kernelSize: 2 }
    const inner = layers.inputLayer({ inputShape: [6, 6, 2] })
    const shared = () => {
      const start = input({ shape: [3] })
      const twice = layers.dense({ name: 'twice', units: 3 })
      return model({ inputs: start, outputs: twice.apply(twice.apply(start) as SymbolicTensor) as SymbolicTensor })
    }
    const depthwise = { name: 'd', kernelSize: 2 }
    const cases: [RegExp, () => LayersModel][] = [
      [/^Dropout "drop"$/, around(layers.dropout({ name: 'drop', rate: 0.5 }))],
      [/^BatchNormalization /, around(layers.batchNormalization())],
      [/"c": dilation$/, around(layers.conv2d({ ...convolution, dilationRate: 2 }))],
      [/"c": the activation tanh$/, around(layers.conv2d({ ...convolution, activation: 'tanh' }))],
      [/"d": 3 filters a channel$/, around(layers.depthwiseConv2d({ ...depthwise, depthMultiplier: 3 }))],
      [/: channels first$/, around(layers.batchNormalization({ axis: 1 }))],
      [/: channels first$/, around(layers.maxPooling2d({ poolSize: 2, dataFormat: 'channelsFirst' }))],
      [/: averages over windows that are partly padding$/, around(layers.averagePooling2d({ padding: 'same' }))],
      [/^Dense "d": an input of 3 axes$/, around(layers.dense({ name: 'd', units: 2 }))],
      [/: a largest value$/, around(layers.reLU({ maxValue: 6 }))],
      [/^Sequential /, around(sequential({ layers: [inner, layers.reLU()] }))],
      [/^Dense "twice" is used more than once$/, shared],
    ]
    for (const [says, make] of cases)
      it(String(says), () => {
        const plan = described(make())
        assert.ok(typeof plan === 'string', 'it has a plan')
        assert.match(plan, says)
      })
  })
})

function described(built: LayersModel): NetworkPlan | string {
  return flatPart(unitsOf(built))
}

function unitsOf(built: LayersModel): UnitPlan | string {
  const layout: LayerLayout = layoutOf(weightsOf(built).map(({ spec }) => spec))
  return planOf(built, layout)
}

function requirePlan<P extends UnitPlan>(plan: P | string): P {
  if (typeof plan === 'string') assert.fail(plan)
  return plan
}
