import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { weightedSum } from '../../src/compute/ops/weighted-sum.ts'
import { view } from '../../src/core/layout.ts'
import { type AggregateInput, aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import type { LayerRuleOptions } from '../../src/strategies/layer-rules.ts'
import type { Strategy } from '../../src/strategies/strategy.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import {
  arbitraryMembers,
  arbitraryParams,
  assertClose,
  layout,
  magnitudes,
  rng,
  round,
  strategyOf,
} from './fixtures.ts'
import { meanOracle, medianOracle, trimmedMeanOracle, type Vector } from './oracle.ts'

const input = (
  members: readonly Member[],
  global: Float32Array,
  more: Partial<AggregateInput> = {},
): AggregateInput => ({
  round: 1,
  layout,
  global,
  members,
  state: null,
  rng,
  ...more,
})
const rows = (members: readonly Member[]): Vector[] => members.map(({ params }) => Array.from(params))
const counts = (members: readonly Member[]): Vector => members.map(({ numExamples }) => numExamples)

const REDUCERS = [
  { reduce: { name: 'weightedMean' }, oracle: meanOracle },
  { reduce: { name: 'median' }, oracle: medianOracle },
  { reduce: { name: 'trimmedMean', trim: 0.34 }, oracle: (all: readonly Vector[]) => trimmedMeanOracle(all, 34) },
]

for (const engine of ENGINES)
  describe(`aggregate on ${engine}`, { skip: SKIP[engine] }, () => {
    const tolerance = RELATIVE_TOLERANCE[engine]

    it('is by default the weighted mean of the models, within a rounding of the largest of them', async () => {
      await useEngine(engine)
      const seen = { several: 0, different: 0 }
      await fc.assert(
        fc.asyncProperty(arbitraryMembers(), arbitraryParams(), async (members, global) => {
          seen.several += Number(members.length > 1)
          seen.different += Number(new Set(counts(members)).size > 1)
          const { params, averaged } = await aggregate(strategyOf({}), input(members, global))
          assertClose(params, meanOracle(rows(members), counts(members)), tolerance, magnitudes(members, global))
          assert.deepEqual(averaged, ['conv1', 'norm1', 'fc1', 'fc2'])
        }),
      )
      for (const [state, count] of Object.entries(seen)) assert.ok(count > 20, `${state}: ${count}`)
    })

    it('applies every layer rule under every reducer, and keeps the bits of every other block', async () => {
      await useEngine(engine)
      const seen = { kept: 0, weighted: 0, uniform: 0, reweighted: 0, leftOut: 0, nobody: 0 }
      const clients = Array.from({ length: 10 }, (_, client) => String(client))
      const factor = (...values: number[]) =>
        fc
          .tuple(...clients.map(() => fc.constantFrom(...values)))
          .map(drawn => Object.fromEntries(clients.map((client, i) => [client, drawn[i]!])))
      const factors = fc.oneof(factor(0, 0.5, 1, 3), factor(0))
      const treatment = fc.oneof(
        { weight: 1, arbitrary: fc.record({ average: fc.constant('none' as const) }) },
        {
          weight: 4,
          arbitrary: fc.record(
            {
              average: fc.constantFrom('weighted' as const, 'uniform' as const),
              every: fc.constantFrom(1, 2, 3),
              pick: fc.constantFrom('random' as const, 'roundRobin' as const),
              clientWeights: factors,
            },
            { requiredKeys: ['average'] },
          ),
        },
      )
      const layers: fc.Arbitrary<LayerRuleOptions[]> = fc
        .tuple(treatment, treatment, treatment)
        .map(([first, second, third]) => [
          { match: ['conv1'], ...first },
          { match: 'fc*', ...second },
          { match: '*', ...third },
        ])
      await fc.assert(
        fc.asyncProperty(
          arbitraryMembers(),
          arbitraryParams(),
          layers,
          fc.constantFrom(...REDUCERS),
          fc.integer({ min: 1, max: 6 }),
          async (members, global, written, { reduce, oracle }, number) => {
            const result = await aggregate(
              strategyOf({ layers: written, reduce }),
              input(members, global, { round: number }),
            )
            const changed: string[] = []
            for (const block of layout.blocks) {
              const rule = result.plan.averaged.get(block.name)
              const actual = view(result.params, block)
              const factorOf = ({ client }: Member) => rule?.clientWeights[client] ?? 1
              const present = members.filter(member => factorOf(member) > 0)
              if (rule === undefined || present.length === 0) {
                assert.deepEqual(actual, view(global, block))
                seen[rule ? 'nobody' : 'kept']++
                continue
              }
              changed.push(block.name)
              const weights = present.map(each => factorOf(each) * (rule.average === 'weighted' ? each.numExamples : 1))
              const part = present.map(({ params }) => Array.from(view(params, block)))
              const scale = magnitudes(present, global).slice(block.offset, block.offset + block.size)
              assertClose(actual, oracle(part, weights), tolerance, scale)
              seen[rule.average]++
              seen.leftOut += Number(present.length < members.length)
              seen.reweighted += Number(present.some(each => factorOf(each) !== 1))
            }
            assert.deepEqual(result.averaged, changed)
          },
        ),
        { numRuns: 150 },
      )
      for (const [state, count] of Object.entries(seen)) assert.ok(count >= 10, `${state}: ${count}`)
    })
  })

describe('aggregate', () => {
  const { members, global } = round('errors', 3)

  it('returns a new model, and remembers only blocks that were averaged', async () => {
    await useEngine('cpu')
    const strategy = strategyOf({
      layers: [{ match: 'fc1' }, { match: 'fc2', every: 2 }],
      server: [{ name: 'adam' }, { name: 'sgd' }],
    })
    const first = await aggregate(strategy, input(members, global))
    assert.notEqual(first.params, global)
    const remembered = (state: unknown) => (state as { server: object[] }).server.map(each => Object.keys(each))
    assert.deepEqual(remembered(first.state), [['fc1'], []])
    const second = await aggregate(strategy, input(members, first.params, { round: 2, state: first.state }))
    assert.deepEqual(remembered(second.state), [['fc1', 'fc2'], []])
  })

  it('with layer-wise averaging equals full averaging on the shared layers, bit for bit', async () => {
    await useEngine('cpu')
    const full = await aggregate(strategyOf({ preset: 'fedadam' }), input(members, global))
    const partly = await aggregate(
      strategyOf({ preset: 'fedadam', layers: [{ match: 'fc2', average: 'none' }, { match: '*' }] }),
      input(members, global),
    )
    assert.deepEqual(partly.params.subarray(0, 15), full.params.subarray(0, 15))
    assert.deepEqual(partly.params.subarray(15), global.subarray(15))
    assert.deepEqual(partly.plan.local, ['fc2'])
  })

  it('gives a reducer that must see whole vectors its turn before the blocks', async () => {
    await useEngine('cpu')
    // Takes, in every block, the update of the client with the smallest norm of the whole model.
    const shortest: Strategy['reducer'] = {
      name: 'shortest',
      reduce: () => assert.fail('prepare was not called'),
      async prepare(cohort, { averaged }) {
        const squares = cohort.clients.map(() => 0)
        for (const block of averaged) {
          const stack = cohort.stack(block)
          for (const [i, value] of (await stack.data()).entries()) squares[Math.floor(i / block.size)]! += value ** 2
          stack.dispose()
        }
        const chosen = squares.indexOf(Math.min(...squares))
        return {
          reduce: stack =>
            weightedSum(
              stack,
              squares.map((_, k) => Number(k === chosen)),
            ),
        }
      },
    }
    const of = [4, 0.5, 2].map((value, client) => ({
      client,
      numExamples: 1,
      params: new Float32Array(layout.size).fill(value),
    }))
    const zero = new Float32Array(layout.size)
    const { numTensors } = tf.memory()
    const { params } = await aggregate({ ...strategyOf({}), reducer: shortest }, input(of, zero))
    assert.deepEqual(params, of[1]!.params)
    assert.equal(tf.memory().numTensors, numTensors)
  })

  it('takes a linear reducer at its coefficients, of the updates and of the global model', async () => {
    await useEngine('cpu')
    const halved: Strategy['reducer'] = {
      name: 'halved',
      coefficients: weights => ({ updates: weights.map(weight => weight / 2), global: -0.5 }),
    }
    const { params } = await aggregate({ ...strategyOf({}), reducer: halved }, input(members, global))
    const mean = meanOracle(rows(members), counts(members))
    // g + ½ (mean − g) − ½ g = ½ mean
    const expected = mean.map(value => value / 2)
    assertClose(params, expected, 2 ** -22, magnitudes(members, global))
  })

  it('tells a reducer which rows of the cohort have a weight in the block', async () => {
    await useEngine('cpu')
    const seen: string[] = []
    const reducer: Strategy['reducer'] = {
      name: 'listening',
      coefficients(weights, { block, rows: present }) {
        seen.push(`${block.name} ${present.join()}`)
        return { updates: weights }
      },
    }
    const left = members[1]!.client
    const layers = [{ match: 'fc1', clientWeights: { [left]: 0 } }, { match: '*' }]
    await aggregate({ ...strategyOf({ layers }), reducer }, input(members, global))
    assert.deepEqual(seen, ['conv1 0,1,2', 'norm1 0,1,2', 'fc1 0,2', 'fc2 0,1,2'])
  })

  it('gives the model of the only client with a large weight, whose sum with the others would overflow', async () => {
    await useEngine('cpu')
    const { client, params: expected } = members[0]!
    for (const factor of [1e9, 1e307, Number.MAX_VALUE])
      for (const average of ['weighted', 'uniform'] as const) {
        const strategy = strategyOf({})
        // The run file's schema lets in no more than 1e9: the rest is for those who build a strategy by themselves.
        const rules = [{ match: '*', average, clientWeights: { [client]: factor } }]
        const { params, averaged } = await aggregate({ ...strategy, rules }, input(members, global))
        assert.deepEqual(averaged, ['conv1', 'norm1', 'fc1', 'fc2'])
        assertClose(params, [...expected], 2 ** -22, magnitudes(members, global))
      }
  })

  it('trims next to half of the clients at each end, and leaves one or two: of two clients the mean', async () => {
    await useEngine('cpu')
    const strategy = strategyOf({ reduce: { name: 'trimmedMean', trim: 0.4999999999 } })
    const four = round('trim', 4)
    for (const taken of [four.members.slice(0, 2), four.members]) {
      const { params } = await aggregate(strategy, input(taken, four.global))
      const middle = medianOracle(rows(taken)) // of an even number it is the mean of the two in the middle
      assertClose(params, middle, 2 ** -22, magnitudes(taken, four.global))
    }
  })

  it('refuses what cannot be aggregated', async () => {
    await useEngine('cpu')
    const strategy = strategyOf({})
    const refused = (bad: readonly Member[], code: string) =>
      assert.rejects(aggregate(strategy, input(bad, global)), { code })
    await refused([], 'input_invalid')
    await refused([members[0]!, members[0]!], 'input_invalid')
    await refused([{ ...members[0]!, numExamples: -1 }], 'input_invalid')
    await refused([{ ...members[0]!, numExamples: Number.NaN }], 'input_invalid')
    await refused(
      members.map(member => ({ ...member, numExamples: Number.MAX_VALUE })),
      'input_invalid',
    )
    await refused([{ ...members[0]!, params: new Float32Array(3) }], 'length_mismatch')
  })

  it('refuses the state of another strategy', async () => {
    await useEngine('cpu')
    const { state } = await aggregate(strategyOf({ preset: 'fedavgm' }), input(members, global))
    for (const preset of ['fedadam', 'fedavg'])
      await assert.rejects(aggregate(strategyOf({ preset }), input(members, global, { state })), {
        code: 'checkpoint_invalid',
      })
    const chain = strategyOf({ server: [{ name: 'momentum' }, { name: 'momentum' }] })
    await assert.rejects(aggregate(chain, input(members, global, { state })), { code: 'checkpoint_invalid' })
    await assert.rejects(aggregate(chain, input(members, global, { state: 3 })), { code: 'checkpoint_invalid' })
  })
})
