import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import { range } from '../../src/core/indices.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { examplesOf, gather } from '../../src/data/examples.ts'
import { buildNetwork, type Network } from '../../src/models/network.ts'
import { evaluate } from '../../src/training/evaluate.ts'
import { trainLocally } from '../../src/training/train.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { assertClose, normals } from '../helpers/values.ts'
import { blobs, jobOf, planOf, smallNetwork, stepsOf, WIDTHS } from './fixtures.ts'
import { adamRule, lossAndGradient, type Rule, sgdRule, spans, trainReference } from './oracle.ts'

/** float32 against float64 over 12 steps. */
const TOLERANCE = 1e-5

const tensorflow = await prepareEngine('tensorflow').then(
  () => false,
  () => 'not installed here, or faulty' as const,
)
const skips = { wasm: false, cpu: false, webgpu: withoutSoftwareAdapter(), tensorflow }
const size = spans(WIDTHS).fc2[1]

for (const [engine, skip] of Object.entries(skips))
  describe(`training on ${engine}`, { skip }, () => {
    let network: Network
    let start: Params
    let tensors = 0
    const examples = blobs(20) // batches of 8: the last one of an epoch has 4

    before(async () => {
      await prepareEngine(engine)
      network = await smallNetwork()
      start = network.init(createRng(11))
      tensors = tf.memory().numTensors
    })
    after(() => network.dispose())

    const rules: [object, Rule][] = [
      [{ name: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 }, sgdRule(size, 0.9, 0.01)],
      [{ name: 'adam', learningRate: 0.01 }, adamRule(size, 0.9, 0.999, 1e-8)],
    ]
    for (const [optimizer, rule] of rules)
      it(`takes the steps of the float64 loop: ${JSON.stringify(optimizer)}`, async () => {
        const plan = planOf({ epochs: 4, batchSize: 8, optimizer })
        const job = jobOf(start, examples, plan)
        const expected = trainReference({ widths: WIDTHS, params: start, rule, steps: stepsOf(job) })
        const result = await trainLocally(network, job)
        assertClose(result.params, expected.params, TOLERANCE, 'parameter')
        assert.equal(result.numSteps, 12)
        assert.equal(tf.memory().numTensors, tensors)
      })

    for (const complement of [false, true])
      it(`lets weights rest bit for bit${complement ? ', one half after the other' : ''}, and the others take the float64 steps`, async () => {
        const optimizer = { name: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 } as const
        const plan = planOf({ epochs: 4, batchSize: 8, optimizer, mask: { complement, layers: ['fc1'] } })
        const common = createRng(5)
        const job = jobOf(start, examples, plan, { common })
        // The mask as its definition says: drawn by block from the run's stream, 0.4 of the weights rest; fc2 has none.
        const draws = common.fork('mask').fork('fc1')
        const rests = Array.from({ length: size }, (_, i) => i < spans(WIDTHS).fc1[1] && draws.next() < 0.4)
        const takes = sgdRule(size, 0.9, 0.01)
        let steps = 0
        const rule: Rule = (weight, gradient, learningRate, updates, i) => {
          if (i === 0) steps++
          const after = takes(weight, gradient, learningRate, updates, i)
          const second = complement && steps > 6 && i < spans(WIDTHS).fc1[1] // 12 steps in all
          return (second ? !rests[i] : rests[i]) ? weight : after
        }
        const expected = trainReference({ widths: WIDTHS, params: start, rule, steps: stepsOf(job) })
        const { params } = await trainLocally(network, job)
        assertClose(params, expected.params, TOLERANCE, 'parameter')
        const kept = rests.map((_, i) => i).filter(i => params[i] === start[i])
        if (complement) assert.equal(kept.length, 0)
        else
          assert.deepEqual(
            kept,
            rests.flatMap((resting, i) => (resting ? [i] : [])),
          )
        assert.equal(tf.memory().numTensors, tensors)
      })

    it('evaluates as the float64 loop does', async () => {
      const { x, y } = gather(examples, range(examples.length))
      const { loss } = lossAndGradient(Float64Array.from(start), WIDTHS, x, y)
      assertClose([(await evaluate(network, start, examples)).loss], [loss], 1e-6)
      assert.equal(tf.memory().numTensors, tensors)
    })
  })

describe('a convolutional network on webgpu', { skip: skips.webgpu }, () => {
  it('is trained to the same parameters as on wasm', async () => {
    const y = Uint8Array.from({ length: 8 }, (_, i) => i % 4)
    const images = examplesOf(normals(5, 8 * 28 * 28), y, 28 * 28, 1)
    const plan = planOf({ epochs: 2, batchSize: 4, optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } })
    const trained: Params[] = []
    for (const engine of ['wasm', 'webgpu']) {
      await prepareEngine(engine)
      const network = await buildNetwork(
        { name: 'lenet5', init: 'glorotUniform' },
        { inputShape: [28, 28, 1], numClasses: 4 },
      )
      const start = network.init(createRng(1))
      const { params } = await trainLocally(network, jobOf(start, images, plan))
      assert.ok(params.some((value, i) => Math.abs(value - start[i]!) > 1e-3))
      trained.push(params)
      network.dispose()
    }
    assertClose(trained[1]!, trained[0]!, 2e-5, 'parameter')
  })
})
