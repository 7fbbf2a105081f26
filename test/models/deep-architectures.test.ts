import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { tensorViews } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { oneHot, softmaxCrossEntropy } from '../../src/training/loss.ts'
import { normals } from '../helpers/values.ts'

const DEEP = [
  { name: 'vgg8' },
  { name: 'resnet8' },
  { name: 'resnet18', width: 4 },
  { name: 'mobilenet', width: 0.1, norm: 'none' },
  { name: 'mobilenet', width: 0.1, norm: 'batch' },
  { name: 'mobilenet', width: 0.1, norm: 'group' },
  { name: 'mobilenet', width: 0.1, norm: 'layer' },
]
const SHAPE = { inputShape: [16, 16, 3], numClasses: 4 }
const LABELS = Uint8Array.from([0, 1, 2, 3, 0, 1])

const build = (options: object) => buildNetwork(validate(modelSchema, options), SHAPE)

function images(): tf.Tensor {
  return tf.tensor(normals(7, LABELS.length * 16 * 16 * 3), [LABELS.length, ...SHAPE.inputShape])
}

interface Measured {
  readonly loss: number
  /** Of the trained variables, in the order of the layout. */
  readonly gradients: readonly Float32Array[]
}

/** Loss and gradients at `params`, in training. */
async function measure(network: Network, params: Float32Array): Promise<Measured> {
  network.assign(params)
  const trained = network.variables.filter((_, i) => network.trainable[i])
  const { value, grads } = tf.tidy(() => {
    const [x, y] = [images(), oneHot(LABELS, SHAPE.numClasses)]
    return tf.variableGrads(() => softmaxCrossEntropy(network.forward(x, true), y), trained)
  })
  const gradients = await Promise.all(trained.map(({ name }) => grads[name]!.data<'float32'>()))
  const [loss] = await value.data()
  tf.dispose([value, grads])
  return { loss: loss!, gradients }
}

/** Parameters after one step of gradient descent. */
function stepped(network: Network, params: Float32Array, gradients: readonly Float32Array[], rate: number) {
  const after = params.slice()
  const views = network.layout.blocks.flatMap(block => tensorViews(after, block))
  const trained = views.filter((_, i) => network.trainable[i])
  for (const [i, view] of trained.entries()) for (let j = 0; j < view.length; j++) view[j]! -= rate * gradients[i]![j]!
  return after
}

for (const options of DEEP)
  describe(`${Object.values(options).join(' ')}`, () => {
    let network: Network
    let params: Float32Array
    let onCpu: Measured
    before(async () => {
      await prepareEngine('cpu')
      network = await build(options)
      params = network.init(createRng(3)).map((value, i) => value + ((i % 7) - 3) / 500) // biases away from 0
      onCpu = await measure(network, params)
    })

    test('the slope along a direction is the gradient: it equals central differences', async () => {
      await prepareEngine('cpu')
      const start = tf.memory().numTensors
      // Along the gradient itself the slope is ‖g‖². Steps that move the loss by a few thousandths: far above float32's
      // rounding, and short enough for the curvature of a normalised network.
      const square = onCpu.gradients.reduce((sum, g) => sum + g.reduce((part, value) => part + value * value, 0), 0)
      const h = Math.min(2e-3 / Math.sqrt(square), 3e-3 / square)
      const [up, down] = [-h, h].map(rate => stepped(network, params, onCpu.gradients, rate)) as [
        Float32Array,
        Float32Array,
      ]
      const difference = ((await measure(network, up)).loss - (await measure(network, down)).loss) / (2 * h)
      assert.ok(square > 1e-6, `gradient ${square}`)
      assert.ok(Math.abs(difference / square - 1) < 0.02, `${difference} and ${square}`)
      assert.equal(tf.memory().numTensors, start, 'tensors left behind')
    })

    test('wasm gives the same loss and gradients, and a step on it lowers the loss', async () => {
      await prepareEngine('wasm')
      const twin = await build(options)
      const start = tf.memory().numTensors
      const onWasm = await measure(twin, params)
      assert.ok(Math.abs(onWasm.loss - onCpu.loss) < 1e-4 * Math.max(1, onCpu.loss), `${onWasm.loss} ${onCpu.loss}`)
      assert.equal(onWasm.gradients.length, twin.trainable.filter(Boolean).length)
      for (const [i, gradient] of onWasm.gradients.entries()) {
        const expected = onCpu.gradients[i]!
        const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
        const worst = gradient.reduce((most, value, j) => Math.max(most, Math.abs(value - expected[j]!)), 0)
        assert.ok(worst < 1e-3 * scale, `tensor ${i}: off by ${worst} of ${scale}`)
      }
      const square = onWasm.gradients.reduce((sum, g) => sum + g.reduce((part, value) => part + value * value, 0), 0)
      const after = await measure(twin, stepped(twin, params, onWasm.gradients, 0.02 / Math.sqrt(square)))
      assert.ok(after.loss < onWasm.loss, `${onWasm.loss} to ${after.loss}`)
      assert.equal(tf.memory().numTensors, start, 'tensors left behind')
      twin.dispose()
    })
  })

test('the last convolution of each residual branch starts at branchScale times the others, of the same draw', async () => {
  await prepareEngine('cpu')
  const [plain, scaled, zero] = await Promise.all(
    [1, 0.25, 0].map(branchScale => build({ name: 'resnet18', width: 2, branchScale })),
  )
  const [a, b, c] = [plain!, scaled!, zero!].map(network => network.init(createRng(1)))
  let ends = 0
  for (const { name, offset, size } of plain!.layout.blocks) {
    const isEnd = name.endsWith('/conv2')
    if (isEnd) ends++
    for (let i = offset; i < offset + size; i++) {
      assert.ok(Math.abs(b![i]! - a![i]! * (isEnd ? 0.25 : 1)) <= 1e-7 * Math.abs(a![i]!), name)
      assert.equal(Math.abs(c![i]!), Math.abs(isEnd ? 0 : a![i]!), name)
    }
  }
  assert.equal(ends, 8)
  for (const network of [plain, scaled, zero]) network!.dispose()
})

test('resnet18 keeps its scale: logits of ordinary images neither vanish nor explode at the start', async () => {
  await prepareEngine('wasm')
  const spread = async (branchScale: object) => {
    const network = await build({ name: 'resnet18', width: 16, ...branchScale })
    network.assign(network.init(createRng(2)))
    const variance = tf.tidy(() => tf.moments(network.forward(images())).variance)
    const [value] = await variance.data()
    variance.dispose()
    network.dispose()
    return value!
  }
  const [scaled, plain] = [await spread({}), await spread({ branchScale: 1 })]
  assert.ok(scaled > 0.01 && scaled < 30, `variance ${scaled}`)
  assert.ok(plain > 20 * scaled, `plain He: ${plain}, scaled: ${scaled}`)
})
