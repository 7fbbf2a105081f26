import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import type { StateTree } from '../../src/core/state-tree.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { ENGINES, SKIP, useEngine } from './engines.ts'
import { assertClose, oneBlock, rng, strategyOf } from './fixtures.ts'
import { adaptiveOracle, momentumOracle } from './oracle.ts'

/** The changes of a one-parameter global model when the reduced updates are `deltas`. */
async function steps(server: object[], deltas: readonly number[]): Promise<number[]> {
  const layout = oneBlock(1)
  const strategy = strategyOf({ server }, layout)
  let state: StateTree = null
  const taken: number[] = []
  for (const [index, delta] of deltas.entries()) {
    const global = new Float32Array(1) // from 0 each time, so that the step is read without cancellation
    const members = [{ client: 0, numExamples: 1, params: Float32Array.of(delta) }]
    const closed = await aggregate(strategy, { round: index + 1, layout, global, members, state, rng })
    state = closed.state
    taken.push(closed.params[0]!)
  }
  return taken
}

for (const engine of ENGINES)
  describe(`server optimizers on ${engine}`, { skip: SKIP[engine] }, () => {
    it('adam takes the golden step of Algorithm 2', async () => {
      await useEngine(engine)
      // style.md 4.17: Δ = 1, β₁ = .9, β₂ = .99, τ = 1e-3, η = .1, v₋₁ = τ²: .1 · .1 / (√(.99e-6 + .01) + .001) = 0.0990050.
      const [step] = await steps([{ name: 'adam', learningRate: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3 }], [1])
      assert.ok(Math.abs(step! - 0.099005) < 5e-7, `${step}`)
    })

    it('adagrad and yogi take the golden first step', async () => {
      await useEngine(engine)
      // adagrad, Δ = 2, τ = 1: m = 2, v = 1 + 4, step = .1 · 2 / (√5 + 1) = (√5 − 1) / 20.
      assertClose(await steps([{ name: 'adagrad', tau: 1 }], [2]), [(Math.sqrt(5) - 1) / 20], 1e-6)
      // yogi, τ = 2, β₂ = .75: Δ² = 1 < v = 4, so v = 4 − .25 and step = .1 · .1 / (√3.75 + 2).
      assertClose(await steps([{ name: 'yogi', tau: 2, beta2: 0.75 }], [1]), [0.01 / (Math.sqrt(3.75) + 2)], 1e-6)
      // yogi, τ = 1, β₂ = .75: Δ² = 4 > v = 1, so v = 1 + 1 and step = .1 · .2 / (√2 + 1).
      assertClose(await steps([{ name: 'yogi', tau: 1, beta2: 0.75 }], [2]), [0.02 / (Math.SQRT2 + 1)], 1e-6)
    })

    it('the second moment of yogi moves where it is below 1e-7, as float64 has it', async () => {
      await useEngine(engine)
      const [delta, tau, rounds] = [3e-4, 1e-4, 50]
      let [m, v, model] = [0, tau ** 2, 0]
      for (let round = 0; round < rounds; round++) {
        m = 0.9 * m + 0.1 * delta
        v -= 0.01 * delta ** 2 * Math.sign(v - delta ** 2)
        model += (0.1 * m) / (Math.sqrt(v) + tau)
      }
      assert.ok(v > 5e-8 && v < 1e-7 && Math.abs(model - 4.35) < 0.001) // with v standing still the model is at 6.156
      const taken = await steps([{ name: 'yogi', tau }], new Array<number>(rounds).fill(delta))
      const reached = taken.reduce((sum, step) => sum + step, 0)
      assert.ok(Math.abs(reached - model) < 1e-3, `${reached} for ${model}`)
    })

    it('an update whose square float32 cannot hold ends the run, instead of stopping the model for ever', async () => {
      await useEngine(engine)
      const suspects = [
        ['adam', 'v'],
        ['yogi', 'v'],
        ['adagrad', 'v'],
      ]
      for (const [name, vector] of suspects) {
        const { numTensors } = tf.memory()
        await assert.rejects(steps([{ name: 'lines' }, { name }], [1, 1e21, 1, 1]), ({ code, message }) => {
          assert.equal(code, 'aggregate_diverged')
          assert.match(message, new RegExp(`Infinity in server optimizer ${name}, ${vector} of layer w\\b`))
          assert.match(message, /client 0, norm 1\.00e\+21/)
          return true
        })
        assert.equal(tf.memory().numTensors, numTensors)
      }
    })

    it('momentum of a constant update is a geometric sum', async () => {
      await useEngine(engine)
      assertClose(await steps([{ name: 'momentum', beta: 0.5 }], [1, 1, 1, 1]), [1, 1.5, 1.75, 1.875], 0)
    })

    it('follow the float64 recurrences over many rounds', async () => {
      await useEngine(engine)
      const sizes = { small: 0, large: 0, negative: 0 }
      const delta = fc.integer({ min: -1000, max: 1000 }).map(value => Math.fround(4 * (value / 1000) ** 3))
      await fc.assert(
        fc.asyncProperty(fc.array(delta, { minLength: 1, maxLength: 8, size: 'max' }), async deltas => {
          for (const value of deltas) {
            sizes.small += Number(Math.abs(value) < 0.1)
            sizes.large += Number(Math.abs(value) > 1)
            sizes.negative += Number(value < 0)
          }
          const options = { learningRate: 0.3, beta1: 0.8, beta2: 0.95, tau: 0.05 }
          const { beta2: _, ...shared } = options
          // The steps cancel to near 0 when updates change sign: rounding is that of the largest term.
          const scale = (expected: number[], unit: number) => expected.map(value => Math.max(Math.abs(value), unit))
          for (const rule of ['adam', 'yogi', 'adagrad'] as const) {
            const expected = adaptiveOracle(rule, deltas, options)
            const actual = await steps([{ name: rule, ...(rule === 'adagrad' ? shared : options) }], deltas)
            assertClose(actual, expected, 2e-5, scale(expected, 0.3))
          }
          const expected = momentumOracle(deltas, { learningRate: 0.5, beta: 0.7 })
          assertClose(
            await steps([{ name: 'momentum', learningRate: 0.5, beta: 0.7 }], deltas),
            expected,
            1e-6,
            scale(expected, 4),
          )
        }),
        { numRuns: 25 },
      )
      for (const [size, count] of Object.entries(sizes)) assert.ok(count >= 5, `${size}: ${count}`)
    })

    it('chain in the order listed', async () => {
      await useEngine(engine)
      const [clipped] = await steps(
        [
          { name: 'adam', tau: 1e-3 },
          { name: 'sgd', learningRate: 10 },
        ],
        [1],
      )
      assert.ok(Math.abs(clipped! - 0.99005) < 5e-6)
      const [scaledFirst] = await steps(
        [
          { name: 'sgd', learningRate: 10 },
          { name: 'adam', tau: 1e-3 },
        ],
        [1],
      )
      assertClose([scaledFirst!], adaptiveOracle('adam', [10], {}), 1e-6)
    })

    it('an empty chain adds the reduced update as it is', async () => {
      await useEngine(engine)
      assert.deepEqual(await steps([], [0.1]), [Math.fround(0.1)])
    })
  })
