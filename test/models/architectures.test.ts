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
  for (const name of ['mlp', 'lenet5', 'cnn', 'linear']) {
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
  ] as const)
    (await build({ name }, [size, size, 1])).dispose()
})

test('every model says what it is', () => {
  for (const { name, summary, schema } of models.members) {
    assert.ok(summary.length > 20)
    assert.equal(schema.shape.name.value, name as string)
  }
})
