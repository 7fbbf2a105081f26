import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { range } from '../../src/core/indices.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng, shuffle } from '../../src/core/rng.ts'
import { gather } from '../../src/data/examples.ts'
import type { Network } from '../../src/models/network.ts'
import { everyLayer, headAndLogits, logitsOnly, visitActivations } from '../../src/training/activations.ts'
import { trainBend } from '../../src/training/bezier.ts'
import { assertClose } from '../helpers/values.ts'
import { blobs, planOf, smallNetwork, WIDTHS } from './fixtures.ts'
import { lossAndGradient } from './oracle.ts'

describe('the bend of a curve, and activations', () => {
  let network: Network
  let [a, b]: Params[] = []
  let tensors = 0
  const examples = blobs(23)

  before(async () => {
    await prepareEngine('wasm')
    network = await smallNetwork()
    a = network.init(createRng(2))
    b = network.init(createRng(3))
    tensors = tf.memory().numTensors
  })
  after(() => network.dispose())

  it('takes the steps of a float64 loop: 2 t (1 − t) times the gradient at the curve’s point', async () => {
    const plan = planOf({ epochs: 2, batchSize: 8, optimizer: { name: 'sgd', learningRate: 0.1 } })
    const rng = createRng(5)
    const bend = await trainBend(network, { a: a!, b: b!, examples, plan, rng })
    const expected = Float64Array.from(a!, (value, i) => (value + b![i]!) / 2)
    const coefficients = rng.fork('t')
    const fresh = createRng(5)
    for (let epoch = 1; epoch <= 2; epoch++) {
      const order = shuffle(fresh.fork(`epoch/${epoch}`), range(23))
      for (let from = 0; from < 23; from += 8) {
        const { x, y } = gather(examples, order, from, Math.min(23, from + 8))
        const t = coefficients.next()
        const point = expected.map((value, i) => (1 - t) ** 2 * a![i]! + 2 * t * (1 - t) * value + t * t * b![i]!)
        const { gradient } = lossAndGradient(point, WIDTHS, x, y)
        for (let i = 0; i < expected.length; i++) expected[i]! -= 0.1 * 2 * t * (1 - t) * gradient[i]!
      }
    }
    assertClose(bend, expected, 1e-5, 'parameter')
    assert.ok(bend.some((value, i) => Math.abs(value - (a![i]! + b![i]!) / 2) > 1e-3))
    assert.equal(tf.memory().numTensors, tensors)
  })

  it('keeps the memory of an optimizer that has one, and stops when it is told to', async () => {
    const optimizer = { name: 'sgd' as const, learningRate: 0.1, momentum: 0.9 }
    const bends = []
    for (const momentum of [0, 0.9]) {
      const plan = planOf({ epochs: 2, batchSize: 8, optimizer: { ...optimizer, momentum } })
      bends.push(await trainBend(network, { a: a!, b: b!, examples, plan, rng: createRng(5) }))
    }
    assert.notDeepEqual(bends[0], bends[1])
    const reason = new Error('enough')
    const job = { a: a!, b: b!, examples, plan: planOf({ optimizer }), rng: createRng(5) }
    await assert.rejects(trainBend(network, { ...job, signal: AbortSignal.abort(reason) }), reason)
    assert.equal(tf.memory().numTensors, tensors)
  })

  it('shows what each layer gives, what the head is given, and the logits, of every model on every example', async () => {
    const { d, h, c } = WIDTHS
    const seen: { rows: number; outputs: readonly (readonly Float32Array[])[] }[] = []
    const models = [a!, b!]
    for (const pick of [everyLayer, headAndLogits, logitsOnly])
      await visitActivations({ network, examples, pick }, models, batch => seen.push(batch), { batchSize: 20 })
    assert.deepEqual(
      seen.map(({ rows, outputs }) => [rows, ...outputs.map(of => of.map(({ length }) => length / rows).join())]),
      [`${h},${c}`, `${h},${c}`, `${c}`].flatMap(widths => [
        [20, widths, widths],
        [3, widths, widths],
      ]),
    )
    const { x } = gather(examples, range(23))
    const hidden = Float64Array.from({ length: 20 * h }, (_, at) => {
      const [row, j] = [Math.floor(at / h), at % h]
      let sum = a![d * h + j]!
      for (let i = 0; i < d; i++) sum += x[row * d + i]! * a![i * h + j]!
      return Math.max(0, sum)
    })
    assertClose(seen[0]!.outputs[0]![0]!, hidden, 1e-5)
    assert.deepEqual(seen[2]!.outputs[0]![0], seen[0]!.outputs[0]![0])
    assert.deepEqual(seen[4]!.outputs[1]![0], seen[0]!.outputs[1]![1])
    assert.equal(tf.memory().numTensors, tensors)
  })
})
