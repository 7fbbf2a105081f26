import assert from 'node:assert/strict'
import { test } from 'node:test'
import { range } from '../../src/core/indices.ts'
import { gather } from '../../src/data/examples.ts'
import { type DataOptions, dataSchema, loadDataset } from '../../src/data/index.ts'
import { sharedData, skipWithout } from '../helpers/shared-data.ts'
import { assertClose } from '../helpers/values.ts'

/** Mean and standard deviation of each channel, over all training examples as a model sees them. */
async function statistics(options: DataOptions): Promise<{ readonly mean: number[]; readonly deviation: number[] }> {
  const { train, inputShape } = await loadDataset(options)
  const channels = inputShape.at(-1)!
  const { x } = gather(train, range(train.length))
  const [sum, squares] = [new Float64Array(channels), new Float64Array(channels)]
  for (const [i, value] of x.entries()) {
    sum[i % channels]! += value
    squares[i % channels]! += value * value
  }
  const count = x.length / channels
  const mean = Array.from(sum, value => value / count)
  return { mean, deviation: mean.map((value, c) => Math.sqrt(squares[c]! / count - value * value)) }
}

test('the digits that come along have about mean 0 and deviation 1 when normalised, and are in [0, 1] otherwise', async () => {
  const { mean, deviation } = await statistics({ name: 'mnist-10k', normalize: true })
  assertClose([...mean, ...deviation], [0, 1], 0.02)
  const plain = await statistics({ name: 'mnist-10k' })
  assertClose([...plain.mean, ...plain.deviation], [0.1307, 0.3081], 0.005)
})

test('all of MNIST has mean 0 and deviation 1 when normalised', { skip: skipWithout('mnist') }, async () => {
  const { mean, deviation } = await statistics({ name: 'mnist', dir: sharedData('mnist')!, normalize: true })
  assertClose([...mean, ...deviation], [0, 1], 2e-4)
})

test('each channel of CIFAR-10 is centred, its deviation that of all pixels over that within one image', {
  skip: skipWithout('cifar10'),
}, async () => {
  const { mean, deviation } = await statistics({ name: 'cifar10', dir: sharedData('cifar10')!, normalize: true })
  assertClose(mean, [0, 0, 0], 0.02)
  // 0.2470, 0.2435, 0.2616 over all pixels, against 0.2023, 0.1994, 0.2010 within an image.
  assertClose(deviation, [0.247 / 0.2023, 0.2435 / 0.1994, 0.2616 / 0.201], 0.02)
})

test('a data set that has no normalization does not take the option', () => {
  assert.throws(() => dataSchema.parse({ name: 'synthetic', normalize: true }))
})
