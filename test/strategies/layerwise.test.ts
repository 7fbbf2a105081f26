import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layoutOf, view } from '../../src/core/layout.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { layersThatAgree } from '../../src/strategies/selectors/fedlama.ts'
import { compareWithOracle, type OracleCase } from './against-oracle.ts'
import { ENGINES, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, oneBlock, rng, round, strategyOf } from './fixtures.ts'
import type { Vector } from './oracle.ts'
import { combine, fedldfOracle, fedlwsOracle, ldawaOracle, length } from './oracle-merges.ts'
import { angular, krumScores } from './oracle-robust.ts'

const plus = (a: Vector, b: Vector) => a.map((value, i) => value + b[i]!)
const minus = (a: Vector, b: Vector) => a.map((value, i) => value - b[i]!)

const CASES: readonly OracleCase[] = [
  {
    options: { preset: { name: 'fedldf', keep: 2 } },
    scope: 'layer',
    oracle: (rows, weights) => fedldfOracle(rows, weights, 2),
    growth: 2,
  },
  {
    options: { preset: 'ldawa' },
    scope: 'layer',
    oracle: (rows, weights, global) =>
      minus(
        ldawaOracle(
          rows.map(row => plus(row, global)),
          weights,
          global,
        ),
        global,
      ),
    growth: 2,
  },
  ...[{}, { beta: 0.1, maxTau: 1 }, { minTau: 0, maxTau: 0.05 }].map(
    (options): OracleCase => ({
      options: { preset: { name: 'fedlws', ...options } },
      scope: 'layer',
      oracle: (rows, weights, global) => minus(fedlwsOracle(rows, weights, global, options), global),
      growth: 2,
    }),
  ),
  {
    options: { preset: { name: 'layerwiseCosine', keep: 2 } },
    scope: 'layer',
    oracle(rows) {
      const norms = rows.map(length).sort((a, b) => a - b)
      const half = norms.length / 2
      const median = Number.isInteger(half) ? (norms[half - 1]! + norms[half]!) / 2 : norms[Math.floor(half)]!
      const scores = krumScores(rows, 1, angular)
      const order = rows.map((_, k) => k).sort((a, b) => scores[a]! - scores[b]! || a - b)
      const kept = order.slice(0, 2).map(k => rows[k]!.map(value => value * Math.min(1, median / length(rows[k]!))))
      return combine(
        kept,
        kept.map(() => 1 / kept.length),
      )
    },
    growth: 2,
  },
]

for (const engine of ENGINES)
  describe(`layer-wise families on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const test of CASES)
      it(`follow the float64 loops: ${JSON.stringify(test.options)}`, () => compareWithOracle(engine, test))
  })

describe('fedlws', () => {
  it('shrinks by τ of the plain spread between its bounds, whatever the clients weigh', async () => {
    await useEngine('cpu')
    const of = oneBlock(1)
    const seen = { lower: 0, between: 0, upper: 0 }
    for (const distance of [0.02, 0.2, 1, 4, 20, 200])
      for (const numExamples of [1, 9]) {
        // Updates 1 ± d of a global model of 1: plain mean 1 and spread d; the weighted mean is 1 + d (n − 1) / (n + 1).
        const members = [1 + distance, 1 - distance].map((update, client) => ({
          ...{ client, numExamples: client === 0 ? numExamples : 1, params: Float32Array.of(1 + update) },
        }))
        const tau = Math.min(0.2, Math.max(0.01, 0.03 * distance))
        seen[tau === 0.2 ? 'upper' : tau === 0.01 ? 'lower' : 'between']++
        const mean = 1 + (distance * (numExamples - 1)) / (numExamples + 1)
        const input = { round: 1, layout: of, global: Float32Array.of(1), members, state: null, rng }
        const { params } = await aggregate(strategyOf({ reduce: { name: 'fedlws' } }, of), input)
        assertClose(params, [(1 + mean) / (1 + tau * Math.abs(mean))], 1e-5)
      }
    assert.deepEqual(seen, { lower: 4, between: 4, upper: 4 })
  })

  it('refuses bounds the wrong way round', () => {
    assert.throws(() => strategyOf({ reduce: { name: 'fedlws', minTau: 0.3 } }), /minTau.*at most maxTau/s)
    assert.throws(() => strategyOf({ preset: { name: 'fedlws', minTau: 0.3 } }), /minTau.*at most maxTau/s)
  })
})

describe('fedldf', () => {
  it('is FedAvg when every client is kept', async () => {
    await useEngine('cpu')
    const { members, global } = round('ldf', 4)
    const close = (options: object) =>
      aggregate(strategyOf(options), { round: 1, layout, global, members, state: null, rng })
    assert.deepEqual((await close({ preset: { name: 'fedldf', keep: 4 } })).params, (await close({})).params)
  })
})

describe('fedlp', () => {
  it('averages a layer over those who take part in it, and keeps one in which nobody does', async () => {
    await useEngine('cpu')
    const seen = { all: 0, some: 0, nobody: 0 }
    for (let number = 1; number <= 40; number++) {
      const { members, global } = round(`lp ${number}`, 3)
      const options = { round: number, layout, global, members, state: null, rng }
      const { params, averaged } = await aggregate(strategyOf({ preset: { name: 'fedlp', keep: 0.5 } }), options)
      for (const block of layout.blocks) {
        const parts = members.filter(
          ({ client }) => rng.fork(`participation/${number}/${block.name}/${client}`).next() < 0.5,
        )
        seen[parts.length === 3 ? 'all' : parts.length > 0 ? 'some' : 'nobody']++
        assert.equal(averaged.includes(block.name), parts.length > 0)
        const total = parts.reduce((sum, { numExamples }) => sum + numExamples, 0)
        for (const [i, value] of view(params, block).entries()) {
          const start = view(global, block)[i]!
          const steps = parts.map(part => (part.numExamples / total) * (view(part.params, block)[i]! - start))
          assert.ok(Math.abs(value - steps.reduce((sum, step) => sum + step, start)) < 1e-6)
        }
      }
    }
    for (const [state, count] of Object.entries(seen)) assert.ok(count > 5, `${state}: ${count}`)
  })

  it('has each client take part as often as the rule says', () => {
    const share = Array.from({ length: 2000 }, (_, i) => rng.fork(`participation/${i}/fc1/3`).next() < 0.3).filter(
      Boolean,
    )
    assert.ok(Math.abs(share.length / 2000 - 0.3) < 0.05, `${share.length}`)
  })
})

/** Four layers of two weights each, and updates whose spread around their mean is given by layer. */
const four = layoutOf(
  ['a', 'b', 'c', 'd'].map(name => ({ name: `${name}/kernel`, shape: [2], kind: 'kernel', trainable: true })),
)
const spreads = (...squares: number[]) =>
  [1, -1].map((sign, client) => ({
    client,
    numExamples: 1,
    // Two clients at ± s in each weight: mean 0, and ‖Δ − mean‖² / size = s².
    params: Float32Array.from({ length: 8 }, (_, i) => sign * Math.sqrt(squares[i >> 1]!)),
  }))

describe('fedlama', () => {
  it('lets two of four equal layers with discrepancies 1, 2, 4 and 8 wait: the crossing is at the third', () => {
    // Running shares of discrepancy 1/15, 3/15, 7/15 against 3/4, 1/2, 1/4 of the parameters left.
    const layers = [8, 1, 4, 2].map((discrepancy, i) => ({ name: `layer${i}`, size: 10, discrepancy }))
    assert.deepEqual([...layersThatAgree(layers)], ['layer1', 'layer3'])
  })

  it('weighs layers by their size, and lets all wait where nobody disagrees', () => {
    // 1·90 of 170 against 10 of 100 parameters left: crossed at once. Counted by layers it would be 1 of 9 against 1 of 2.
    const large = [
      { name: 'large', size: 90, discrepancy: 1 },
      { name: 'small', size: 10, discrepancy: 8 },
    ]
    assert.deepEqual([...layersThatAgree(large)], [])
    const same = large.map(layer => ({ ...layer, discrepancy: 0 }))
    assert.deepEqual([...layersThatAgree(same)], ['large', 'small'])
  })

  it('averages every layer at each multiple of φτ, and in between only those that disagree', async () => {
    await useEngine('cpu')
    const strategy = strategyOf({ preset: { name: 'fedlama', interval: 1, factor: 3 } }, four)
    let state: Awaited<ReturnType<typeof aggregate>>['state'] = null
    const averaged: string[] = []
    for (let number = 1; number <= 9; number++) {
      // From round 4 on it is layer a that disagrees; noticed in round 6.
      const members = number < 4 ? spreads(1, 2, 4, 8) : spreads(80, 1, 2, 4)
      const global = new Float32Array(8)
      const closed = await aggregate(strategy, { round: number, layout: four, global, members, state, rng })
      state = closed.state
      averaged.push(closed.averaged.join(''))
    }
    assert.deepEqual(averaged, ['abcd', 'abcd', 'abcd', 'cd', 'cd', 'abcd', 'a', 'a', 'abcd'])
  })

  it('divides by the rounds that a layer waited', async () => {
    await useEngine('cpu')
    const strategy = strategyOf({ preset: { name: 'fedlama', interval: 1, factor: 2 } }, four)
    const close = async (number: number, members: ReturnType<typeof spreads>, state: never) =>
      aggregate(strategy, { round: number, layout: four, global: new Float32Array(8), members, state, rng })
    const first = await close(2, spreads(1, 1, 1, 8), null as never)
    const waiting = (state: unknown) => (state as { layers: { intervals: object } }).layers.intervals
    assert.deepEqual(waiting(first.state), { a: 2, b: 2, c: 1, d: 1 })
    // 8 after two rounds is 4 a round, less than c's 5 after one: d and a wait. Undivided, d and c would.
    const second = await close(4, spreads(8, 8, 5, 1), first.state as never)
    assert.deepEqual(waiting(second.state), { a: 2, b: 1, c: 1, d: 2 })
  })
})

describe('barrier-driven averaging', () => {
  const heights = new Map([
    ['a', 0.01],
    ['b', 0.02],
    ['c', 0.04],
    ['d', -0.5],
  ])
  const close = async (select: object, number = 1, state: unknown = null, measured = heights) => {
    await useEngine('cpu')
    const asked: object[] = []
    const members = [1, 3].map((value, client) => ({ client, numExamples: 1, params: new Float32Array(8).fill(value) }))
    const closed = await aggregate(strategyOf({ select: { name: 'barrier', ...select } }, four), {
      ...{ round: number, layout: four, global: new Float32Array(8), members, state: state as never, rng },
      layerBarriers: async request => {
        asked.push(request)
        return measured
      },
    })
    return { ...closed, asked }
  }

  it('averages layers at or below the threshold, and leaves the others local', async () => {
    const { averaged, params, asked } = await close({ threshold: 0.02, pairs: 3, metric: 'loss' })
    assert.deepEqual(averaged, ['a', 'b', 'd'])
    assert.deepEqual([...params], [2, 2, 2, 2, 0, 0, 2, 2])
    assert.deepEqual(asked, [{ metric: 'loss', pairs: 3, split: 'train', height: 'midpoint', by: 'probe' }])
    const other = { metric: 'loss', height: 'base-rise', by: 'curvature' }
    assert.deepEqual((await close(other)).asked, [{ ...other, pairs: 1, split: 'train' }])
  })

  it('damps a layer above it by threshold / barrier', async () => {
    const { averaged, params } = await close({ threshold: 0.02, above: 'damped' })
    assert.deepEqual(averaged, ['a', 'b', 'c', 'd'])
    assert.deepEqual([...params], [2, 2, 2, 2, 1, 1, 2, 2])
  })

  it('leaves a layer local whose barrier is not a number of this world, also when it would damp', async () => {
    const { averaged } = await close(
      { above: 'damped' },
      1,
      null,
      new Map([...heights, ['b', Number.POSITIVE_INFINITY]]),
    )
    assert.deepEqual(averaged, ['a', 'c', 'd'])
  })

  it('measures every n rounds and keeps what it found in between', async () => {
    const first = await close({ threshold: 0.02, every: 3 })
    const later = new Map([...heights].map(([name]) => [name, 1]))
    const second = await close({ threshold: 0.02, every: 3 }, 2, first.state, later)
    const fourth = await close({ threshold: 0.02, every: 3 }, 4, second.state, later)
    assert.deepEqual(
      [first, second, fourth].map(({ averaged, asked }) => [averaged.join(''), asked.length]),
      [
        ['abd', 1],
        ['abd', 0],
        ['', 1],
      ],
    )
  })

  it('by curvature is refused for the error, which has none', () => {
    const refused = { code: 'strategy_invalid', message: /metric: loss with by: curvature, got metric: error/ }
    assert.throws(() => strategyOf({ preset: { name: 'barrierDriven', by: 'curvature' } }, four), refused)
    strategyOf({ preset: { name: 'barrierDriven', by: 'curvature', metric: 'loss' } }, four)
  })

  it('says so where nobody can measure', async () => {
    const strategy = strategyOf({ preset: 'barrierDriven' }, four)
    const input = {
      round: 1,
      layout: four,
      global: new Float32Array(8),
      members: spreads(1, 1, 1, 1),
      state: null,
      rng,
    }
    await assert.rejects(aggregate(strategy, input), { code: 'strategy_invalid' })
  })
})
