import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { FedError } from '../../src/core/errors.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import type { Network } from '../../src/models/network.ts'
import { type TrainResult, trainLocally } from '../../src/training/train.ts'
import { assertClose } from '../helpers/values.ts'
import { blobs, jobOf, planOf, smallNetwork, stepsOf, WIDTHS } from './fixtures.ts'
import { adamRule, type Rule, sgdRule, spans, trainReference } from './oracle.ts'

/** float32 against float64 over 24 steps. */
const TOLERANCE = 1e-5

describe('local training', () => {
  let network: Network
  let start: Params
  let tensors = 0
  const examples = blobs(44) // batches of 8: the last one of an epoch has 4
  const size = spans(WIDTHS).fc2[1]

  before(async () => {
    await prepareEngine('wasm')
    network = await smallNetwork()
    start = network.init(createRng(11))
    tensors = tf.memory().numTensors
  })
  after(() => network.dispose())

  /** Trains by plan, and by the oracle; both must agree. */
  async function agree(
    options: object,
    rule: Rule,
    reference: { mu?: number; clipNorm?: number; learningRate?: (step: number) => number } = {},
  ): Promise<TrainResult> {
    const plan = planOf({ epochs: 4, batchSize: 8, ...options })
    const job = jobOf(start, examples, plan)
    const steps = stepsOf(job, reference.learningRate)
    const expected = trainReference({ widths: WIDTHS, params: start, rule, steps, ...reference })
    const result = await trainLocally(network, job)
    assertClose(result.params, expected.params, TOLERANCE, 'parameter')
    const perEpoch = Math.ceil(examples.length / plan.batchSize)
    const last = expected.losses.slice(-perEpoch).map((loss, i) => loss * steps.at(i - perEpoch)!.y.length)
    assertClose([result.loss], [last.reduce((sum, loss) => sum + loss) / examples.length], TOLERANCE, 'loss')
    assert.equal(result.numSteps, steps.length)
    assert.equal(result.numExamples, examples.length)
    assert.equal(tf.memory().numTensors, tensors)
    return result
  }

  it('takes the steps of plain SGD', async () => {
    const { state } = await agree({ optimizer: { name: 'sgd', learningRate: 0.1 } }, sgdRule(size, 0, 0))
    assert.equal(state.size, 0, 'an optimizer without memory keeps none')
  })

  it('takes the steps of SGD with momentum and weight decay', async () => {
    const optimizer = { name: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 }
    await agree({ optimizer }, sgdRule(size, 0.9, 0.01))
  })

  it('takes the steps of Adam', async () => {
    await agree({ optimizer: { name: 'adam', learningRate: 0.01 } }, adamRule(size, 0.9, 0.999, 1e-8))
  })

  it('adds the proximal term of FedProx', async () => {
    const options = { optimizer: { name: 'sgd', learningRate: 0.1 }, regularizer: { name: 'prox', mu: 0.5 } }
    await agree(options, sgdRule(size, 0, 0), { mu: 0.5 })
  })

  it('clips the gradient by its norm over all layers', async () => {
    const options = { optimizer: { name: 'sgd', learningRate: 0.1 }, clipNorm: 0.3 }
    await agree(options, sgdRule(size, 0, 0), { clipNorm: 0.3 })
  })

  it('follows the schedule from step to step', async () => {
    const options = { optimizer: { name: 'sgd', learningRate: 0.1 }, schedule: { name: 'cosine', over: 'round' } }
    await agree(options, sgdRule(size, 0, 0), { learningRate: i => 0.05 * (1 + Math.cos((Math.PI * i) / 24)) })
  })

  it('leaves frozen blocks untouched, to the bit', async () => {
    const { params } = await agree({ frozen: ['fc2'], optimizer: { name: 'sgd' } }, sgdRule(size, 0, 0))
    const [from, to] = spans(WIDTHS).fc2
    assert.deepEqual(params.slice(from, to), start.slice(from, to))
  })

  it('trains one part after the other in phases, each with its own memory', async () => {
    const phases = [
      { train: ['fc2'], epochs: 2 },
      { train: ['fc1'], epochs: 1 },
      { train: ['fc1', 'fc2'], epochs: 1 },
    ]
    await agree({ phases, optimizer: { name: 'adam', learningRate: 0.01 } }, adamRule(size, 0.9, 0.999, 1e-8))
  })

  it('pulls towards the anchor, which need not be where training starts', async () => {
    const plan = planOf({ optimizer: { name: 'sgd', learningRate: 0.1 }, regularizer: { name: 'prox', mu: 10 } })
    const near = await trainLocally(network, jobOf(start, examples, plan))
    const far = await trainLocally(network, jobOf(start, examples, plan, { anchor: start.map(value => value + 1) }))
    const shift = far.params.reduce((sum, value, i) => sum + value - near.params[i]!, 0) / size
    assert.ok(shift > 0.5, `mean shift ${shift}`)
  })

  it('goes on where it stopped when its memory is given back, to the bit', async () => {
    for (const optimizer of [{ name: 'adam' }, { name: 'sgd', momentum: 0.9 }]) {
      const order = { ...createRng(5), fork: () => createRng(5) } // the same order in every epoch
      const whole = planOf({ epochs: 3, batchSize: 8, optimizer })
      const once = await trainLocally(network, jobOf(start, examples, whole, { rng: order }))
      let [params, state] = [start, new Map() as TrainResult['state']]
      for (let i = 0; i < 3; i++) {
        const job = jobOf(params, examples, { ...whole, epochs: 1 }, { rng: order, state })
        ;({ params, state } = await trainLocally(network, job))
      }
      assert.deepEqual(params, once.params)
      assert.deepEqual(state, once.state)
      assert.equal(state.get('updates/fc1')?.[0], 18)
    }
  })

  it('gives the same bits for the same job, and others for another seed', async () => {
    const plan = planOf({ epochs: 2, batchSize: 8 })
    const [first, second] = [
      await trainLocally(network, jobOf(start, examples, plan)),
      await trainLocally(network, jobOf(start, examples, plan)),
    ]
    assert.deepEqual(second.params, first.params)
    assert.equal(second.loss, first.loss)
    const other = await trainLocally(network, jobOf(start, examples, plan, { rng: createRng(4) }))
    assert.notDeepEqual(other.params, first.params)
  })

  it('learns to tell blobs apart', async () => {
    const plan = planOf({ epochs: 1, batchSize: 8, optimizer: { name: 'sgd', learningRate: 0.1 } })
    const many = blobs(300)
    const early = await trainLocally(network, jobOf(start, many, plan))
    const late = await trainLocally(network, jobOf(start, many, { ...plan, epochs: 8 }))
    assert.ok(late.loss < 0.5 * early.loss, `${early.loss} to ${late.loss}`)
  })

  it('does not write into what it was given', async () => {
    const state = new Map([['momentum/fc1', new Float32Array(35).fill(0.1)]])
    const before = [start.slice(), state.get('momentum/fc1')!.slice()]
    const plan = planOf({ optimizer: { name: 'sgd', momentum: 0.9 } })
    const result = await trainLocally(network, jobOf(start, examples, plan, { state }))
    assert.deepEqual([start, state.get('momentum/fc1')], before)
    assert.deepEqual([...result.state.keys()].sort(), ['momentum/fc1', 'momentum/fc2', 'updates/fc1', 'updates/fc2'])
  })

  describe('refuses, typed and without a tensor left', () => {
    const rejects = async (code: string, says: RegExp, options: object, rest: object = {}) => {
      await assert.rejects(trainLocally(network, jobOf(start, examples, planOf(options), rest)), (error: unknown) => {
        assert.ok(error instanceof FedError, String(error))
        assert.equal(error.code, code)
        assert.match(error.message, says)
        return true
      })
      assert.equal(tf.memory().numTensors, tensors)
    }

    it('training that diverges, with epoch and step', () =>
      rejects('training_diverged', /local epoch 1, step [2-6]\b/, {
        batchSize: 8,
        optimizer: { name: 'sgd', learningRate: 1e6, momentum: 0.9 },
        epochs: 3,
      }))
    it('a start that is not finite', () =>
      rejects('training_diverged', /local epoch 1, step 1\b/, {}, { params: start.map(() => Number.NaN) }))
    it('a pattern that names no block', () => rejects('layer_unknown', /"fc9"/, { frozen: ['fc9'] }))
    it('a phase without anything to train', () =>
      rejects('input_invalid', /fc1/, { phases: [{ train: ['fc1'] }], frozen: ['fc*'] }))
    it('memory of another layout', () =>
      rejects(
        'length_mismatch',
        /35 values/,
        { optimizer: { name: 'sgd', momentum: 0.5 } },
        {
          state: new Map([['momentum/fc1', new Float32Array(3)]]),
        },
      ))
    it('no examples', () => rejects('example_count_invalid', /at least 1/, {}, { indices: new Uint32Array(0) }))
    it('to go on after an abort', async () => {
      const reason = new FedError('interrupted')
      const job = jobOf(start, examples, planOf(), { signal: AbortSignal.abort(reason) })
      await assert.rejects(trainLocally(network, job), reason)
      assert.equal(tf.memory().numTensors, tensors)
    })
  })

  it('lets the event loop run while it trains', async () => {
    let turns = 0
    const count = () => {
      turns++
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)
    await trainLocally(network, jobOf(start, blobs(2000), planOf({ epochs: 20, batchSize: 8 })))
    clearImmediate(immediate)
    assert.ok(turns >= 2, `${turns} turns`) // 5,000 steps take far more than two stretches of 10 ms
  })
})
