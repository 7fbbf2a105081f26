import '@tensorflow/tfjs-backend-cpu'
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../src/core/errors.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'

before(() => tf.setBackend('cpu'))

const build = (options: object, inputShape: readonly number[] = [4], numClasses = 3) =>
  buildNetwork(validate(modelSchema, options), { inputShape, numClasses })

async function withNetwork(network: Network, use: (network: Network) => Promise<void>): Promise<void> {
  const start = tf.memory().numTensors
  await use(network)
  assert.equal(tf.memory().numTensors, start, 'tensors left behind')
  network.dispose()
}

test('assign then read is the identity, and both copy', async () => {
  for (const options of [
    { name: 'mlp', hidden: [5] },
    { name: 'linear', hidden: [2, 2], bias: false },
  ])
    await withNetwork(await build(options), async network => {
      const params = Float32Array.from({ length: network.layout.size }, (_, i) => Math.fround(i / 7 - 1))
      const kept = params.slice()
      network.assign(params)
      params.fill(0)
      const read = await network.read()
      assert.deepEqual(read, kept)
      read.fill(0)
      assert.deepEqual(await network.read(), kept)
    })
})

test('assign refuses a vector of another length', async () => {
  await withNetwork(await build({ name: 'mlp' }), async network => {
    assert.throws(
      () => network.assign(new Float32Array(5)),
      error => error instanceof FedError && error.code === 'length_mismatch' && /got 5/.test(error.message),
    )
  })
})

test('variable i holds tensor i of the layout', async () => {
  await withNetwork(await build({ name: 'mlp', hidden: [2] }, [2], 2), async network => {
    network.assign(Float32Array.from({ length: 12 }, (_, i) => i))
    const values = await Promise.all(network.variables.map(async variable => Array.from(await variable.data())))
    // fc1/kernel [2, 2], fc1/bias [2], fc2/kernel [2, 2], fc2/bias [2]
    assert.deepEqual(values, [
      [0, 1, 2, 3],
      [4, 5],
      [6, 7, 8, 9],
      [10, 11],
    ])
  })
})

test('the mlp computes relu(x W1 + b1) W2 + b2, as worked by hand, of flat and of shaped examples', async () => {
  await withNetwork(await build({ name: 'mlp', hidden: [2] }, [1, 2, 1], 2), async network => {
    network.assign(Float32Array.from([1, -1, 2, 3, 0.5, -4, 1, 2, 3, 4, 10, 20]))
    // x = (1, 2): h = relu(1 + 4 + 0.5, -1 + 6 - 4) = (5.5, 1); logits = (5.5 + 3 + 10, 11 + 4 + 20)
    // x = (0, 1): h = relu(2.5, -1) = (2.5, 0); logits = (12.5, 25)
    for (const shape of [
      [2, 2],
      [2, 1, 2, 1],
    ]) {
      const x = tf.tensor([1, 2, 0, 1], shape)
      const logits = network.forward(x)
      assert.deepEqual([...(await logits.data())], [18.5, 35, 12.5, 25])
      tf.dispose([x, logits])
    }
  })
})

test('a deep linear network is the product of its matrices', async () => {
  await withNetwork(await build({ name: 'linear', hidden: [2], bias: false }, [2], 2), async network => {
    network.assign(Float32Array.from([1, -2, 3, 4, -1, 0, 2, 5]))
    const x = tf.tensor2d([[1, 1]])
    const logits = network.forward(x)
    // (1, 1) [[1, -2], [3, 4]] = (4, 2); (4, 2) [[-1, 0], [2, 5]] = (0, 10)
    assert.deepEqual([...(await logits.data())], [0, 10])
    tf.dispose([x, logits])
  })
})

/** Convolutions, pooling and dense layers as plain float64 loops, batch of one. */
function lenetOracle(params: Float32Array, image: Float32Array, side: number): readonly number[] {
  let at = 0
  const next = (count: number) => {
    at += count
    return Float64Array.from(params.subarray(at - count, at))
  }
  let maps = { side, channels: 1, values: Float64Array.from(image) }
  for (const filters of [6, 16]) {
    const [kernel, bias] = [next(25 * maps.channels * filters), next(filters)]
    const wide = maps.side - 4
    const convolved = new Float64Array(wide * wide * filters)
    for (let r = 0; r < wide; r++)
      for (let c = 0; c < wide; c++)
        for (let f = 0; f < filters; f++) {
          let sum = bias[f]!
          for (let i = 0; i < 5; i++)
            for (let j = 0; j < 5; j++)
              for (let k = 0; k < maps.channels; k++)
                sum +=
                  maps.values[((r + i) * maps.side + c + j) * maps.channels + k]! *
                  kernel[((i * 5 + j) * maps.channels + k) * filters + f]!
          convolved[(r * wide + c) * filters + f] = Math.max(0, sum)
        }
    const half = wide >> 1
    const pooled = new Float64Array(half * half * filters).map((_, index) => {
      const f = index % filters
      const [r, c] = [2 * Math.floor(index / filters / half), 2 * (Math.floor(index / filters) % half)]
      return Math.max(...[0, 1].flatMap(i => [0, 1].map(j => convolved[((r + i) * wide + c + j) * filters + f]!)))
    })
    maps = { side: half, channels: filters, values: pooled }
  }
  let hidden = [...maps.values]
  for (const units of [120, 84, 3]) {
    const [kernel, bias] = [next(hidden.length * units), next(units)]
    const input = hidden
    hidden = Array.from(bias, (b, unit) => input.reduce((sum, value, i) => sum + value * kernel[i * units + unit]!, b))
    if (units !== 3) hidden = hidden.map(value => Math.max(0, value))
  }
  assert.equal(at, params.length)
  return hidden
}

test('lenet5 equals plain float64 loops over the flat vector', async () => {
  await withNetwork(await build({ name: 'lenet5' }, [18, 18, 1]), async network => {
    const params = network.init(createRng(4)).map((value, i) => value + (i % 5) / 100) // biases away from 0
    network.assign(params)
    const image = Float32Array.from({ length: 324 }, (_, i) => ((i * 37) % 101) / 101)
    const x = tf.tensor(image, [1, 18, 18, 1])
    const logits = network.forward(x)
    const [received, expected] = [[...(await logits.data())], lenetOracle(params, image, 18)]
    const scale = Math.max(...expected.map(Math.abs))
    for (const [i, value] of received.entries())
      assert.ok(Math.abs(value - expected[i]!) < 1e-5 * scale, `${received} and ${expected}`)
    tf.dispose([x, logits])
  })
})

test('gradients flow to every variable: they equal central differences', async () => {
  await withNetwork(await build({ name: 'mlp', hidden: [3] }, [2], 2), async network => {
    const params = network.init(createRng(8)).map(value => value + 0.1)
    const x = tf.tensor2d([
      [0.3, -0.8],
      [1, 0.5],
    ])
    const weighting = tf.tensor2d([
      [1, 2],
      [-1, 3],
    ])
    const lossOf = async (at: Float32Array) => {
      network.assign(at)
      const loss = tf.tidy(() => tf.sum(tf.mul(tf.square(network.forward(x, true)), weighting)))
      const [value] = await loss.data()
      loss.dispose()
      return value!
    }
    network.assign(params)
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.mul(tf.square(network.forward(x, true)), weighting)) as tf.Scalar,
      [...network.variables],
    )
    const received = (await Promise.all(network.variables.map(v => grads[v.name]!.data()))).flatMap(g => [...g])
    assert.equal(received.length, network.layout.size)
    for (const [i, gradient] of received.entries()) {
      const step = (h: number) => params.map((p, j) => (j === i ? p + h : p))
      const difference = ((await lossOf(step(0.01))) - (await lossOf(step(-0.01)))) / 0.02
      assert.ok(
        Math.abs(difference - gradient) < 2e-3 * Math.max(1, Math.abs(gradient)),
        `${i}: ${difference} ${gradient}`,
      )
    }
    tf.dispose([x, weighting, value, grads])
  })
})
