import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { prepareEngine } from '../../src/compute/choose.ts'
import type { Params } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import type { Network } from '../../src/models/network.ts'
import { droppingSchema, layersThatLearn, learningProbability } from '../../src/training/dropping.ts'
import { trainLocally } from '../../src/training/train.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'
import { assertClose } from '../helpers/values.ts'
import { layout } from '../strategies/fixtures.ts'
import { blobs, jobOf, planOf, smallNetwork, stepsOf, WIDTHS } from './fixtures.ts'
import { adamRule, type Rule, sgdRule, spans, trainReference } from './oracle.ts'

const size = spans(WIDTHS).fc2[1]
const skips = { wasm: false, cpu: false, webgpu: withoutSoftwareAdapter() }

for (const [engine, skip] of Object.entries(skips))
  describe(`layer dropping on ${engine}`, { skip }, () => {
    let network: Network
    let start: Params
    const examples = blobs(20)

    before(async () => {
      await prepareEngine(engine)
      network = await smallNetwork()
      start = network.init(createRng(11))
    })
    after(() => network.dispose())

    const rules: [object, () => Rule][] = [
      [{ name: 'sgd', learningRate: 0.05, momentum: 0.9, weightDecay: 0.01 }, () => sgdRule(size, 0.9, 0.01)],
      [{ name: 'adam', learningRate: 0.01 }, () => adamRule(size, 0.9, 0.999, 1e-8)],
    ]
    for (const [optimizer, rule] of rules)
      it(`takes the steps of the float64 loop, layers at rest and their memory too: ${JSON.stringify(optimizer)}`, async () => {
        const tensors = tf.memory().numTensors
        const dropping = { start: 0.3, until: 0.5, over: 'round' } as const
        const plan = planOf({ epochs: 4, batchSize: 8, optimizer, dropping, clipNorm: 1 })
        const job = jobOf(start, examples, plan)
        // As the definition says: p grows from 0.3 to 1 over the first 6 of 12 steps, a draw for each layer, until one learns.
        const draws = job.rng.fork('dropping')
        let resting = 0
        const steps = stepsOf(job).map((step, s) => {
          const p = 0.3 + (0.7 * s) / 6
          let trained = step.trained
          if (p < 1)
            do trained = step.trained.filter(() => draws.next() < p)
            while (trained.length === 0)
          resting += 2 - trained.length
          return { ...step, trained }
        })
        assert.ok(resting > 0, 'some layers rest')
        const expected = trainReference({ widths: WIDTHS, params: start, rule: rule(), steps, clipNorm: 1 })
        const { params, rates } = await trainLocally(network, job)
        assertClose(params, expected.params, 1e-5, 'parameter')
        const [rate] = steps.map(({ learningRate }) => learningRate)
        const counted = (['fc1', 'fc2'] as const).map(name =>
          steps.filter(({ trained }) => trained.some(([from]) => from === spans(WIDTHS)[name][0])),
        )
        assertClose(
          [rates.get('fc1')!, rates.get('fc2')!],
          counted.map(({ length }) => length * rate!),
          1e-9,
          'rate',
        )
        assert.equal(tf.memory().numTensors, tensors)
      })
  })

describe('layer dropping', () => {
  const at = (over: 'run' | 'round', round: number, step: number) =>
    learningProbability(droppingSchema.parse({ over }), { round, totalRounds: 4, step, totalSteps: 100 })

  it('lets every layer learn after three quarters of the run, or of each round', () => {
    assertClose([at('run', 1, 0), at('run', 2, 50), at('run', 4, 0)], [0.1, 0.1 + 0.9 / 2, 1], 1e-12)
    assertClose(
      [at('round', 3, 0), at('round', 1, 30), at('round', 1, 75), at('round', 1, 99)],
      [0.1, 0.46, 1, 1],
      1e-12,
    )
  })

  it('lets each layer learn with its probability, and always one of them', () => {
    const draws = createRng(4)
    const blocks = new Set(layout.blocks)
    const counts = new Map(layout.blocks.map(block => [block, 0]))
    for (let i = 0; i < 4000; i++) {
      const learning = layersThatLearn(blocks, 0.5, draws)
      assert.ok(learning.size > 0)
      for (const block of learning) counts.set(block, counts.get(block)! + 1)
    }
    // 0.5 given that not all four rest: 0.5 / (1 − 1/16) = 0.5333; five standard deviations are 158.
    for (const count of counts.values()) assert.ok(Math.abs(count - 2133) < 158, `${count}`)
    assert.equal(layersThatLearn(blocks, 1, draws), blocks)
  })
})
