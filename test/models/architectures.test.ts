import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../src/core/errors.ts'
import { blockNames } from '../../src/core/layout.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema, models } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'

before(() => tf.setBackend('cpu'))

const build = (options: object, inputShape: readonly number[] = [28, 28, 1], numClasses = 10) =>
  buildNetwork(validate(modelSchema, options), { inputShape, numClasses })
const sizesOf = (network: Network) => network.layout.blocks.map(block => block.size)

test('mlp: 784-128-64-10 has 109,386 parameters in blocks fc1, fc2, fc3', async () => {
  const network = await build({ name: 'mlp' })
  assert.deepEqual(blockNames(network.layout), ['fc1', 'fc2', 'fc3'])
  // 784·128 + 128, 128·64 + 64, 64·10 + 10
  assert.deepEqual(sizesOf(network), [100_480, 8256, 650])
  assert.equal(network.layout.size, 109_386)
  network.dispose()
})

test('lenet5: 44,426 parameters on 28×28×1 and 62,006 on 32×32×3', async () => {
  const [small, large] = [await build({ name: 'lenet5' }), await build({ name: 'lenet5' }, [32, 32, 3])]
  assert.deepEqual(blockNames(small.layout), ['conv1', 'conv2', 'fc1', 'fc2', 'fc3'])
  // 5·5·1·6 + 6, 5·5·6·16 + 16, then 28 → 24 → 12 → 8 → 4: 4·4·16·120 + 120, 120·84 + 84, 84·10 + 10
  assert.deepEqual(sizesOf(small), [156, 2416, 30_840, 10_164, 850])
  // 5·5·3·6 + 6, …, 32 → 28 → 14 → 10 → 5: 5·5·16·120 + 120
  assert.deepEqual(sizesOf(large), [456, 2416, 48_120, 10_164, 850])
  assert.deepEqual([small.layout.size, large.layout.size], [44_426, 62_006])
  small.dispose()
  large.dispose()
})

test('cnn: 225,034 parameters on 28×28×1', async () => {
  const network = await build({ name: 'cnn' })
  assert.deepEqual(blockNames(network.layout), ['conv1', 'conv2', 'fc1', 'fc2'])
  // 3·3·32 + 32, 3·3·32·64 + 64, 28 → 26 → 13 → 11 → 5: 5·5·64·128 + 128, 128·10 + 10
  assert.deepEqual(sizesOf(network), [320, 18_496, 204_928, 1290])
  assert.equal(network.layout.size, 225_034)
  network.dispose()
})

test('vgg8: 151,466 parameters on 32×32×3', async () => {
  const network = await build({ name: 'vgg8' }, [32, 32, 3])
  assert.deepEqual(blockNames(network.layout), ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6', 'fc1', 'fc2'])
  // 9·3·16 + 16, 9·16·32 + 32, 9·32·64 + 64, three times 9·64·64 + 64, then 32 → 16 → 8 → 4 → 2: 2·2·64·64 + 64
  assert.deepEqual(sizesOf(network), [448, 4640, 18_496, 36_928, 36_928, 36_928, 16_448, 650])
  assert.equal(network.layout.size, 151_466)
  network.dispose()
})

test('resnet8: 77,706 parameters on 32×32×3, blocks in the order of a pass through it', async () => {
  const network = await build({ name: 'resnet8' }, [32, 32, 3])
  const [b1, b2, b3] = [1, 2, 3].map(n => ['conv1', 'conv2', 'shortcut'].map(part => `block${n}/${part}`))
  assert.deepEqual(blockNames(network.layout), ['conv1', ...b1!.slice(0, 2), ...b2!, ...b3!, 'fc'])
  // 9·3·16 + 16; twice 9·16·16 + 16; 9·16·32 + 32, 9·32·32 + 32, 16·32 + 32; 9·32·64 + 64, 9·64·64 + 64, 32·64 + 64
  assert.deepEqual(sizesOf(network), [448, 2320, 2320, 4640, 9248, 544, 18_496, 36_928, 2112, 650])
  assert.equal(network.layout.size, 77_706)
  network.dispose()
})

test('resnet18: 11,169,162 parameters on 32×32×3', async () => {
  const network = await build({ name: 'resnet18' }, [32, 32, 3])
  // Of c filters, coming from p: 9pc + c and three times 9cc + c, and pc + c for the shortcut unless p = c.
  const stage = (p: number, c: number) => 9 * p * c + c + 3 * (9 * c * c + c) + (p === c ? 0 : p * c + c)
  const stages = [stage(64, 64), stage(64, 128), stage(128, 256), stage(256, 512)]
  assert.deepEqual(stages, [147_712, 524_928, 2_098_432, 8_391_168])
  assert.equal(network.layout.size, 9 * 3 * 64 + 64 + stages.reduce((a, b) => a + b) + 512 * 10 + 10)
  assert.equal(network.layout.size, 11_169_162)
  // Stem, 16 convolutions of the blocks, 3 shortcuts, head.
  assert.equal(network.layout.blocks.length, 1 + 16 + 3 + 1)
  const names = blockNames(network.layout)
  assert.deepEqual(names.slice(5, 8), ['block3/conv1', 'block3/conv2', 'block3/shortcut'])
  network.dispose()
})

test('mobilenet: parameters at width 1 without norm, and what each norm adds at the default width', async () => {
  // Depthwise 9p + p, pointwise pc + c; the paper's filters.
  const filters = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
  const blocks = filters.slice(1).reduce((sum, c, i) => sum + 10 * filters[i]! + filters[i]! * c + c, 0)
  const plain = await build({ name: 'mobilenet', width: 1, norm: 'none' }, [32, 32, 3])
  assert.equal(plain.layout.size, 9 * 3 * 32 + 32 + blocks + 1024 * 10 + 10)
  assert.deepEqual(blockNames(plain.layout).slice(0, 3), ['conv1', 'block1/depthwise', 'block1/pointwise'])
  plain.dispose()
  // Each norm: γ and β in place of a bias; batch norm keeps two running statistics on top.
  const channels = filters.slice(0, -1).reduce((sum, c, i) => sum + c / 4 + filters[i + 1]! / 4, filters[0]! / 4)
  const none = await build({ name: 'mobilenet', norm: 'none' }, [32, 32, 3])
  for (const [norm, each] of [
    ['group', 1],
    ['layer', 1],
    ['batch', 3],
  ] as const) {
    const network = await build({ name: 'mobilenet', norm }, [32, 32, 3])
    assert.equal(network.layout.size - none.layout.size, each * channels, norm)
    const first = network.layout.blocks.slice(0, 2).flatMap(block => block.tensors.map(({ name }) => name))
    const statistics = norm === 'batch' ? ['conv1_norm/moving_mean', 'conv1_norm/moving_variance'] : []
    assert.deepEqual(first, ['conv1/kernel', 'conv1_norm/gamma', 'conv1_norm/beta', ...statistics])
    assert.equal(network.trainable.filter(trained => !trained).length, norm === 'batch' ? 2 * 27 : 0)
    network.dispose()
  }
  none.dispose()
})

test('linear: with and without biases, with and without hidden layers', async () => {
  const parts: [object, number[]][] = [
    [{ name: 'linear', hidden: [5, 3] }, [4 * 5 + 5, 5 * 3 + 3, 3 * 2 + 2]],
    [{ name: 'linear', hidden: [5], bias: false }, [4 * 5, 5 * 2]],
    [{ name: 'linear', hidden: [] }, [4 * 2 + 2]],
  ]
  for (const [options, sizes] of parts) {
    const network = await build(options, [4], 2)
    assert.deepEqual(sizesOf(network), sizes)
    network.dispose()
  }
})

test('tensors are named block/kernel and block/bias, and everything built in is trained', async () => {
  const network = await build({ name: 'cnn' })
  assert.deepEqual(network.layout.blocks[1]!.tensors, [
    { name: 'conv2/kernel', shape: [3, 3, 32, 64], kind: 'kernel', trainable: true },
    { name: 'conv2/bias', shape: [64], kind: 'bias', trainable: true },
  ])
  assert.ok(network.trainable.every(Boolean))
  for (const [i, tensor] of network.layout.blocks.flatMap(block => block.tensors).entries())
    assert.deepEqual(network.variables[i]!.shape, tensor.shape)
  network.dispose()
})

test('a model built twice in a process has the same layout, and nothing stays behind', async () => {
  const start = tf.memory().numTensors
  for (const name of ['mlp', 'lenet5', 'cnn', 'linear', 'vgg8', 'resnet8', 'mobilenet']) {
    const [first, second] = [await build({ name }), await build({ name })]
    assert.deepEqual(first.layout, second.layout)
    assert.notEqual(first.variables[0], second.variables[0])
    first.dispose()
    second.dispose()
    assert.equal(tf.memory().numTensors, start)
  }
})

test('convolutions refuse what is not an image, or too small a one', async () => {
  const refused = (name: string, shape: readonly number[], pattern: RegExp) =>
    assert.rejects(
      build({ name }, shape),
      error => error instanceof FedError && error.code === 'model_invalid' && pattern.test(error.message),
    )
  await refused('lenet5', [20], /16×16.*got examples of 20/)
  await refused('lenet5', [15, 16, 1], /got examples of 15×16×1/)
  await refused('cnn', [9, 10, 1], /10×10/)
  for (const [name, size] of [
    ['lenet5', 16],
    ['cnn', 10],
    ['vgg8', 16],
    ['resnet8', 4],
    ['resnet18', 8],
    ['mobilenet', 8],
  ] as const)
    (await build({ name }, [size, size, 1])).dispose()
})

test('every model says what it is', () => {
  for (const { name, summary, schema } of models.members) {
    assert.ok(summary.length > 20)
    assert.equal(schema.shape.name.value, name as string)
  }
})
