import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { layoutOf, type Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { balanceOf } from '../../src/training/balance.ts'
import { olderAnchors } from '../../src/training/objective/anchors.ts'
import { trainLocally } from '../../src/training/train.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { assertClose } from '../helpers/values.ts'
import { blobs, jobOf, planOf, smallNetwork, stepsOf, WIDTHS } from './fixtures.ts'
import { type ReferenceJob, sgdRule, spans, trainReference } from './oracle.ts'

type SlopeRule = NonNullable<ReferenceJob['slope']>

/** Foret et al. 2021, Algorithm 1: the gradient at w + rho g / ‖g‖. */
const sharp =
  (rho: number): SlopeRule =>
  (gradientAt, weights, learning) => {
    const gradient = gradientAt(weights)
    const norm = Math.sqrt(learning.reduce((sum, i) => sum + gradient[i]! ** 2, 0))
    const uphill = weights.slice()
    for (const i of learning) uphill[i]! += (rho * gradient[i]!) / norm
    return gradientAt(uphill)
  }

/** Li et al. 2024: the gradient of L(w) + beta L(a w + (1 − a) anchor), `base` that of the first term. */
const connected =
  (beta: number, anchor: Params, shareOf: () => number, base: SlopeRule): SlopeRule =>
  (gradientAt, weights, learning) => {
    const share = shareOf()
    const mix = weights.map((weight, i) => (learning.includes(i) ? share * weight + (1 - share) * anchor[i]! : weight))
    const further = gradientAt(mix)
    return base(gradientAt, weights, learning).map((value, i) => value + beta * share * further[i]!)
  }

const plain: SlopeRule = (gradientAt, weights) => gradientAt(weights)

const olderThan = (anchor: Params) => [1, 2].map(step => anchor.map((value, i) => value - 0.2 * step * Math.cos(i)))

/** Of 20 blobs, 7, 7 and 6 in the three classes. */
const BALANCE = [7, 7, 6].map(count => Math.log(count / 20))

const size = spans(WIDTHS).fc2[1]
const optimizer = { name: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 }
const skips = { wasm: false, cpu: false, webgpu: withoutSoftwareAdapter() }

for (const [engine, skip] of Object.entries(skips))
  describe(`objectives on ${engine}`, { skip }, () => {
    let network: Network
    let start: Params
    let anchor: Params
    const examples = blobs(20)

    before(async () => {
      await prepareEngine(engine)
      network = await smallNetwork()
      start = network.init(createRng(11))
      anchor = start.map((value, i) => value + 0.3 * Math.sin(i))
    })
    after(() => network.dispose())

    const random = () => {
      const draws = jobOf(start, examples, planOf()).rng.fork('interpolation')
      return () => draws.next()
    }
    const cases: Record<
      string,
      [options: object, slope: () => SlopeRule, rest?: Partial<ReferenceJob>, more?: { anchors: number }]
    > = {
      SAM: [{ sharpness: { rho: 0.2 } }, () => sharp(0.2)],
      'SAM of a part of the model, with a clipped gradient': [
        { sharpness: { rho: 0.2 }, frozen: ['fc1'], clipNorm: 0.3 },
        () => sharp(0.2),
        { clipNorm: 0.3 },
      ],
      'FedGuCci with a fixed mix': [
        { connectivity: { beta: 0.7, interpolation: 0.5 } },
        () => connected(0.7, anchor, () => 0.5, plain),
      ],
      'FedGuCci with a mix drawn for each step': [
        { connectivity: { beta: 1 } },
        () => connected(1, anchor, random(), plain),
      ],
      'with three anchors': [
        { connectivity: { beta: 0.9 } },
        () => {
          const shareOf = random()
          const older = olderThan(anchor)
          // β / N for each of them, drawn one after the other.
          const last = connected(0.3, older[1]!, shareOf, plain)
          return connected(0.3, anchor, shareOf, connected(0.3, older[0]!, shareOf, last))
        },
        {},
        { anchors: 2 },
      ],
      'a balanced loss': [{ loss: 'balanced' }, () => plain, { shift: BALANCE }],
      'all together, as FedGuCci+ has them': [
        { sharpness: { rho: 0.05 }, connectivity: { beta: 0.4 }, loss: 'balanced' },
        () => connected(0.4, anchor, random(), sharp(0.05)),
        { shift: BALANCE },
      ],
    }
    for (const [name, [options, slope, rest, more]] of Object.entries(cases))
      it(`take the steps of the float64 loop: ${name}`, async () => {
        const tensors = tf.memory().numTensors
        const plan = planOf({ epochs: 4, batchSize: 8, optimizer, ...options })
        const anchors = more && olderThan(anchor)
        const job = jobOf(start, examples, plan, { anchor, anchors })
        const reference = { widths: WIDTHS, params: start, rule: sgdRule(size, 0.9, 0.01), steps: stepsOf(job) }
        const expected = trainReference({ ...reference, slope: slope(), ...rest })
        const result = await trainLocally(network, job)
        assertClose(result.params, expected.params, 1e-5, 'parameter')
        const without = trainReference({ ...reference, clipNorm: rest?.clipNorm ?? Number.POSITIVE_INFINITY })
        assert.ok(
          expected.params.some((value, i) => Math.abs(value - without.params[i]!) > 1e-3),
          'it makes a difference',
        )
        assert.equal(tf.memory().numTensors, tensors)
      })

    it('leave resting weights out of the way uphill, and at rest', async () => {
      const common = createRng(5)
      const draws = common.fork('mask').fork('fc1')
      const rests = Array.from({ length: size }, (_, i) => i < spans(WIDTHS).fc1[1] && draws.next() < 0.4)
      const plan = planOf({ epochs: 2, batchSize: 8, optimizer, mask: { layers: ['fc1'] }, sharpness: { rho: 0.2 } })
      const job = jobOf(start, examples, plan, { common })
      const takes = sgdRule(size, 0.9, 0.01)
      const expected = trainReference({
        ...{ widths: WIDTHS, params: start, steps: stepsOf(job) },
        rule: (weight, gradient, rate, updates, i) => {
          const next = takes(weight, gradient, rate, updates, i)
          return rests[i] ? weight : next
        },
        slope: (gradientAt, weights, learning) =>
          sharp(0.2)(
            gradientAt,
            weights,
            learning.filter(i => !rests[i]),
          ),
      })
      const { params } = await trainLocally(network, job)
      assertClose(params, expected.params, 1e-5, 'parameter')
      for (const [i, resting] of rests.entries()) if (resting) assert.equal(params[i], start[i])
    })
  })

describe('the objective and running statistics', () => {
  it('which move as in one pass over the batch, at the weights themselves', async () => {
    await prepareEngine('wasm')
    const network = await buildNetwork(
      { name: 'mobilenet', width: 0.1, norm: 'batch', init: 'heNormal' },
      { inputShape: [16, 16, 1], numClasses: 3 },
    )
    const { layout } = network
    const start = network.init(createRng(1))
    const y = Uint8Array.from({ length: 6 }, (_, i) => i % 3)
    const x = Float32Array.from({ length: 6 * 256 }, (_, i) => Math.sin(i))
    const images = { x, y, scale: 1, normalization: null, length: 6, exampleSize: 256 }
    const statistics = async (options: object) => {
      const plan = planOf({ batchSize: 6, optimizer: { name: 'sgd', learningRate: 0.01 }, ...options })
      const { params } = await trainLocally(network, jobOf(start, images, plan))
      let offset = 0
      return layout.blocks.flatMap(block =>
        block.tensors.flatMap(({ trainable, shape }) => {
          const length = shape.reduce((product, extent) => product * extent, 1)
          offset += length
          return trainable ? [] : [...params.subarray(offset - length, offset)]
        }),
      )
    }
    const once = await statistics({})
    assert.ok(once.length > 0)
    assert.deepEqual(await statistics({ sharpness: { rho: 0.5 }, connectivity: { interpolation: 0.3 } }), once)
    network.dispose()
  })
})

describe('the balanced loss', () => {
  it('leaves a class that the client lacks out of the softmax', () => {
    const y = Uint8Array.of(0, 2, 2, 2, 1)
    const shift = balanceOf({ y }, Uint32Array.of(0, 1, 2, 3), 4)
    assertClose(
      shift.filter((_, c) => c === 0 || c === 2),
      [Math.log(1 / 4), Math.log(3 / 4)],
      1e-7,
    )
    for (const c of [1, 3])
      assert.ok(Math.fround(Math.exp(shift[0]!) + Math.exp(shift[c]!)) === Math.fround(Math.exp(shift[0]!)))
  })
})

describe('older anchors', () => {
  it('are as told where something is told, and as the latest elsewhere', () => {
    const layout = layoutOf([
      { name: 'a/kernel', shape: [2], kind: 'kernel', trainable: true },
      { name: 'b/kernel', shape: [1], kind: 'kernel', trainable: true },
    ])
    const told = new Map([['anchors/a', Float32Array.of(1, 2, 3, 4)]])
    const anchors = olderAnchors(layout, Float32Array.of(7, 8, 9), told)
    assert.deepEqual(
      anchors.map(anchor => [...anchor]),
      [
        [1, 2, 9],
        [3, 4, 9],
      ],
    )
    assert.deepEqual(olderAnchors(layout, Float32Array.of(7, 8, 9), new Map()), [])
  })
})
