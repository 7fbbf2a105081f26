import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { unitGroups } from '../../src/alignment/unit-groups.ts'
import { FedError } from '../../src/core/errors.ts'
import { layoutOf } from '../../src/core/layout.ts'
import { planOf } from '../../src/models/network-plan.ts'
import { weightsOf } from '../../src/models/weights.ts'
import { networkOf } from './networks.ts'

before(() => tf.setBackend('cpu'))

describe('the unit groups of a network', () => {
  it('are the hidden layers of a perceptron, each with the tensors that make and read its units', async () => {
    const { plan } = await networkOf({ name: 'mlp', hidden: [7, 5] })
    const [first, second] = unitGroups(plan)
    assert.deepEqual([first!.layers, first!.units, second!.layers, second!.units], [['fc1'], 7, ['fc2'], 5])
    const inputs = 16 * 16 * 3
    assert.deepEqual(
      first!.axes.map(({ offset, outer, inner, side, other }) => [offset, outer, inner, side, other]),
      [
        [0, inputs, 1, 'out', null],
        [inputs * 7, 1, 1, 'out', null],
        [inputs * 7 + 7, 1, 5, 'in', 1],
      ],
    )
    assert.deepEqual(
      second!.axes.map(({ side, other }) => [side, other]),
      [
        ['out', 0],
        ['out', null],
        ['in', null],
      ],
    )
  })

  it('read a flattened image channel by channel at every position', async () => {
    const { plan } = await networkOf({ name: 'cnn' })
    const conv2 = unitGroups(plan).find(({ layers }) => layers.includes('conv2'))!
    const reads = conv2.axes.find(({ side }) => side === 'in')!
    assert.ok(reads.outer > 1, 'one position only')
    const fc1 = plan.ops[reads.op]!
    assert.ok(fc1.kind === 'dense')
    assert.equal(reads.inner, fc1.units)
    assert.equal(reads.outer * conv2.units, plan.ops[fc1.inputs[0]! - 1]!.size)
  })

  it('are one for a residual stream, with all layers that add to it', async () => {
    const { plan } = await networkOf({ name: 'resnet8' })
    assert.deepEqual(
      unitGroups(plan).map(({ layers }) => layers.join(' ')),
      [
        'conv1 block1/conv2',
        'block1/conv1',
        'block2/conv1',
        'block2/conv2 block2/shortcut',
        'block3/conv1',
        'block3/conv2 block3/shortcut',
      ],
    )
  })

  it('go through depthwise convolutions and normalisations, whose statistics move along', async () => {
    const { units } = await networkOf({ name: 'mobilenet', width: 0.05, norm: 'batch' })
    const groups = unitGroups(units)
    assert.deepEqual(
      groups.map(({ layers }) => layers),
      [['conv1'], ...Array.from({ length: 13 }, (_, n) => [`block${n + 1}/pointwise`])],
    )
    const kinds = groups[1]!.axes.map(({ op, side, outer }) => [units.ops[op]!.kind, side, outer])
    assert.deepEqual(kinds, [
      ['convolution', 'out', 8],
      ['normalization', 'out', 1],
      ['normalization', 'out', 1],
      ['normalization', 'along', 1],
      ['normalization', 'along', 1],
      ['depthwise', 'out', 9],
      ['normalization', 'out', 1],
      ['normalization', 'out', 1],
      ['normalization', 'along', 1],
      ['normalization', 'along', 1],
      ['convolution', 'in', 1],
    ])
  })

  it('are refused with the layer that stands in the way', async () => {
    const { network } = await networkOf({ name: 'mobilenet', norm: 'group', width: 1 })
    const refused = (says: RegExp) => (error: unknown) =>
      error instanceof FedError && error.code === 'model_invalid' && says.test(error.message)
    assert.throws(
      () => unitGroups(network.units),
      refused(/GroupNormalization "conv1_norm", which normalises 4 groups of neighbouring units/),
    )
    const start = input({ shape: [4] })
    const x = layers.dense({ name: 'a', units: 3, activation: 'relu' }).apply(start) as SymbolicTensor
    const y = layers.dense({ name: 'itself', units: 3 }).apply(x) as SymbolicTensor
    const sum = layers.add({ name: 'sum' }).apply([x, y]) as SymbolicTensor
    const outputs = layers.dense({ name: 'head', units: 2 }).apply(sum) as SymbolicTensor
    const built = model({ inputs: start, outputs })
    const plan = planOf(built, layoutOf(weightsOf(built).map(({ spec }) => spec)))
    assert.throws(() => unitGroups(plan), refused(/layer itself, which adds to the values that it reads/))
  })
})
