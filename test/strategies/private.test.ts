import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { type LayerLayout, layoutOf, type Params } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { privateStrategy } from '../../src/strategies/private.ts'
import { ENGINES, SKIP, useEngine } from './engines.ts'
import { rng, strategyOf } from './fixtures.ts'

const kernel = (name: string, size: number) =>
  ({ name: `${name}/kernel`, shape: [size], kind: 'kernel', trainable: true }) as const
const layout: LayerLayout = layoutOf([kernel('a', 3000), kernel('b', 1000), kernel('own', 50)])
const LAYERS = [{ match: 'own', average: 'none' }, { match: '*' }]
const SHARED = 4000

const plan = { clipNorm: 2, clip: 'model', noiseMultiplier: 1.5, noiseOn: 'sum', delta: 1e-5 } as const
const make = (changes: object = {}, options: object = { layers: LAYERS }) =>
  privateStrategy(strategyOf(options, layout), { ...plan, ...changes }, 10)

/** Clients whose updates have these norms over the shared layers. */
function cohort(norms: readonly number[]): { global: Params; members: Member[] } {
  const draw = (label: string) => {
    const stream = createRng(11, label)
    return Float64Array.from({ length: layout.size }, () => normal(stream))
  }
  const global = Float32Array.from(draw('global'))
  const members = norms.map((norm, client) => {
    const direction = draw(`client ${client}`)
    const length = Math.sqrt(direction.slice(0, SHARED).reduce((sum, value) => sum + value ** 2, 0))
    const params = global.map((value, i) => value + (direction[i]! * norm) / length)
    return { client, numExamples: 1 + 50 * client, params }
  })
  return { global, members }
}

/** The sum of the clipped updates over 10, in float64, whoever has how many examples. */
function clippedMean({ global, members }: ReturnType<typeof cohort>, clipNorm: number): number[] {
  const updates = members.map(({ params }) => {
    const update = Array.from(params.slice(0, SHARED), (value, i) => value - global[i]!)
    const factor = Math.min(1, clipNorm / Math.sqrt(update.reduce((sum, value) => sum + value ** 2, 0)))
    return update.map(value => factor * value)
  })
  return Array.from({ length: SHARED }, (_, i) => updates.reduce((sum, update) => sum + update[i]! / 10, 0))
}

for (const engine of ENGINES)
  describe(`DP-FedAvg on ${engine}`, { skip: SKIP[engine] }, () => {
    const run = async (given: ReturnType<typeof cohort>, strategy = make(), round = 1, state = null) => {
      await useEngine(engine)
      return aggregate(strategy, { round, layout, rng, state, ...given })
    }
    const noiseOf = (params: Params, global: Params, mean: readonly number[]) =>
      mean.map((value, i) => params[i]! - global[i]! - value)

    it('adds the clipped updates, each alike, over the expected number, and noise of z C / n to each coordinate', async () => {
      const given = cohort([0.5, 7, 40])
      await useEngine(engine)
      const before = tf.memory().numTensors
      const { params, averaged } = await run(given)
      assert.equal(tf.memory().numTensors, before)
      assert.deepEqual(averaged, ['a', 'b'])
      const noise = noiseOf(params, given.global, clippedMean(given, 2))
      // Σ x² / σ² is chi-square with 4000 degrees of freedom: variance 2 · 4000.
      const chiSquare = noise.reduce((sum, value) => sum + value ** 2, 0) / ((1.5 * 2) / 10) ** 2
      assert.ok(Math.abs(chiSquare - SHARED) < 4.9 * Math.sqrt(2 * SHARED), `chi-square ${chiSquare}`)
      assert.ok(Math.abs(noise.reduce((sum, value) => sum + value, 0)) < 4.9 * 0.3 * Math.sqrt(SHARED))
      assert.deepEqual(params.slice(SHARED), given.global.slice(SHARED), 'a layer that stays local has no noise')
    })

    it('has the same noise whoever is there, so that what differs is the updates alone, and no more than 2 C / n', async () => {
      const small = { noiseMultiplier: 0.05 }
      const [one, other] = [cohort([0.5, 1, 1e6]), cohort([0.5, 1])]
      const [first, second] = [await run(one, make(small)), await run(other, make(small))]
      const moved = Math.sqrt(first.params.reduce((sum, value, i) => sum + (value - second.params[i]!) ** 2, 0))
      assert.ok(moved > 0.199 && moved <= 0.2 * (1 + 1e-5), `${moved} for one client more, of clipNorm 2 over 10`)
    })

    it('clips each layer to its share where that is asked for', async () => {
      const given = cohort([100])
      const empty = { ...given, members: [{ client: 0, numExamples: 1, params: given.global }] }
      const strategy = make({ clip: 'layer' })
      const [full, none] = [await run(given, strategy), await run(empty, strategy)]
      for (const { name, offset, size } of layout.blocks.slice(0, 2)) {
        let moved = 0
        for (let i = offset; i < offset + size; i++) moved += (full.params[i]! - none.params[i]!) ** 2
        assert.ok(Math.abs(Math.sqrt(moved) - 0.2 / Math.SQRT2) < 1e-5, `${name}: ${Math.sqrt(moved)}`)
      }
    })

    it('gives the same bits again, other noise in another round, and the server optimizer sees the noise', async () => {
      const given = cohort([1, 2, 3])
      const [first, again, later] = [await run(given), await run(given), await run(given, make(), 2)]
      assert.deepEqual(first.params, again.params)
      assert.notDeepEqual(first.params, later.params)
      const half = await run(given, make({}, { layers: LAYERS, server: [{ name: 'sgd', learningRate: 0.5 }] }))
      const step = (params: Params, i: number) => params[i]! - given.global[i]!
      for (let i = 0; i < SHARED; i += 97)
        assert.ok(Math.abs(step(half.params, i) - step(first.params, i) / 2) < 1e-6, `${i}`)
    })
  })
