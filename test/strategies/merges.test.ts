import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layoutOf, view } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import { modelSchema } from '../../src/models/index.ts'
import { buildNetwork } from '../../src/models/network.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import { compareWithOracle, type OracleCase } from './against-oracle.ts'
import { ENGINES, RELATIVE_TOLERANCE, SKIP, useEngine } from './engines.ts'
import { assertClose, layout, oneBlock, rng, round, strategyOf } from './fixtures.ts'
import type { Vector } from './oracle.ts'
import {
  breadcrumbsOracle,
  combine,
  electionOracle,
  magMaxOracle,
  modelStockOracle,
  slerpOracle,
  topOracle,
} from './oracle-merges.ts'

const CASES: readonly OracleCase[] = [
  {
    options: { reduce: { name: 'taskArithmetic', scale: 0.5 } },
    scope: 'layer',
    oracle: (rows, weights) =>
      combine(
        rows,
        weights.map(weight => 0.5 * rows.length * weight),
      ),
    growth: 10,
  },
  { options: { reduce: { name: 'signElection' } }, scope: 'layer', oracle: electionOracle, growth: 2 },
  ...([{}, { scope: 'layer' }, { scope: 'model', keep: 0.2 }] as const).map(
    (options): OracleCase => ({
      options: { preset: { name: 'ties', keep: 0.5, scale: 0.7, ...options } },
      scope: 'scope' in options ? options.scope : 'model',
      oracle: (rows, weights) =>
        electionOracle(
          rows.map(row => topOracle(row, Math.round(('keep' in options ? options.keep : 0.5) * row.length))),
          weights,
        ).map(value => 0.7 * value),
      growth: 2,
    }),
  ),
  { options: { reduce: { name: 'magMax' } }, scope: 'layer', oracle: magMaxOracle, growth: 2 },
  {
    options: { filters: [{ name: 'breadcrumbs', largest: 0.2, smallest: 0.5 }] },
    scope: 'layer',
    oracle: (rows, weights) =>
      combine(
        rows.map(row => breadcrumbsOracle(row, Math.round(0.2 * row.length), Math.round(0.5 * row.length))),
        weights,
      ),
    growth: 2,
  },
  ...([{}, { scope: 'layer' }, { scope: 'model' }] as const).map(
    (options): OracleCase => ({
      options: { reduce: { name: 'modelStock', ...options } },
      scope: 'scope' in options ? options.scope : 'tensor',
      oracle: modelStockOracle,
      growth: 2,
    }),
  ),
  ...([{}, { scope: 'layer' }, { scope: 'model' }] as const).map(
    (options): OracleCase => ({
      options: { reduce: { name: 'slerp', ...options } },
      scope: 'scope' in options ? options.scope : 'tensor',
      oracle: (rows, weights, global) =>
        slerpOracle(
          rows.map(row => row.map((value, i) => global[i]! + value)),
          weights,
        ).map((value, i) => value - global[i]!),
      // Between models of a small tensor that are almost opposite, an arc is up to 1 / √(1 − .9995²) times as long as they.
      growth: 32,
    }),
  ),
]

/** The global model, from 0, after clients with these updates of one block, all alike. */
async function merged(strategy: object, updates: readonly Vector[], number = 1): Promise<number[]> {
  const of = oneBlock(updates[0]!.length)
  const members = updates.map((update, client) => ({ client, numExamples: 1, params: Float32Array.from(update) }))
  const input = { round: number, layout: of, global: new Float32Array(of.size), members, state: null, rng }
  return [...(await aggregate(strategyOf(strategy, of), input)).params]
}

for (const engine of ENGINES)
  describe(`merges on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const test of CASES)
      it(`follow the float64 loops: ${JSON.stringify(test.options)}`, () => compareWithOracle(engine, test))

    it('ties: half of [3, −1, .1, 2] and of [1, 2, −.2, −4] merge to [3, 2, 0, −4]', async () => {
      await useEngine(engine)
      const updates = [
        [3, -1, 0.1, 2],
        [1, 2, -0.2, -4],
      ]
      assert.deepEqual(await merged({ preset: { name: 'ties', keep: 0.5 } }, updates), [3, 2, 0, -4])
    })

    it('trim ranks all layers of the round together, in any order of layers; with scope layer each by itself', async () => {
      await useEngine(engine)
      const values: Readonly<Record<string, number[]>> = { a: [10, -9, 8], b: [1, -0.5, 0.7], c: [-100, 200, 300] }
      const trimmed = async (names: readonly string[], options: object, layers = [{ match: '*' }]) => {
        const of = layoutOf(
          names.map(name => ({ name: `${name}/kernel`, shape: [3], kind: 'kernel', trainable: true })),
        )
        const params = Float32Array.from(names.flatMap(name => values[name]!))
        const filters = [{ name: 'trim', ...options }]
        const input = { round: 1, layout: of, global: new Float32Array(of.size), state: null, rng }
        const members = [{ client: 0, numExamples: 1, params }]
        const closed = await aggregate(strategyOf({ layers, filters }, of), { ...input, members })
        return Object.fromEntries(of.blocks.map(block => [block.name, [...view(closed.params, block)]]))
      }
      const ranked = { a: [10, -9, 0], b: [0, 0, 0], c: [-100, 200, 300] }
      assert.deepEqual(await trimmed(['a', 'b', 'c'], { keep: 5 / 9 }), ranked)
      assert.deepEqual(await trimmed(['b', 'c', 'a'], { keep: 5 / 9 }), ranked)
      const each = { a: [10, -9, 0], b: [1, 0, 0.7].map(Math.fround), c: [0, 200, 300] }
      assert.deepEqual(await trimmed(['a', 'b', 'c'], { keep: 5 / 9, scope: 'layer' }), each)
      // What stays local plays no part.
      const local = [{ match: 'c', average: 'none' }, { match: '*' }]
      assert.deepEqual(await trimmed(['a', 'b', 'c'], { keep: 0.5 }, local), {
        a: [10, -9, 8],
        b: [0, 0, 0],
        c: [0, 0, 0],
      })
      // At least one value is kept.
      const one = { a: [0, 0, 0], b: [0, 0, 0], c: [0, 0, 300] }
      assert.deepEqual(await trimmed(['a', 'b', 'c'], { keep: 0.001 }), one)
    })

    it('election: a sum of exactly 0 elects nobody, whatever most other coordinates say', async () => {
      await useEngine(engine)
      const updates = [
        [2, 1, 3, 0],
        [-2, 1, 3, 0],
      ]
      assert.deepEqual(await merged({ reduce: { name: 'signElection' } }, updates), [0, 1, 3, 0])
    })

    it('task arithmetic with scale 1 / K is FedAvg, whatever the weights', async () => {
      await useEngine(engine)
      const { members, global } = round('ta', 4)
      const close = (options: object) =>
        aggregate(strategyOf(options), { round: 1, layout, global, members, state: null, rng })
      const expected = await close({})
      assert.deepEqual((await close({ reduce: { name: 'taskArithmetic', scale: 0.25 } })).params, expected.params)
    })

    it('lines scales five layers by .2, .4, .6, .8 and 1, after any reducer', async () => {
      await useEngine(engine)
      const names = ['a', 'b', 'c', 'd', 'e']
      const of = layoutOf(names.map(name => ({ name: `${name}/kernel`, shape: [1], kind: 'kernel', trainable: true })))
      const members = [1, 3].map((value, client) => ({
        client,
        numExamples: 1,
        params: new Float32Array(5).fill(value),
      }))
      const factors = [0.2, 0.4, 0.6, 0.8, 1]
      for (const [reduce, merge] of [
        ['weightedMean', 2],
        ['magMax', 3],
      ] as const) {
        const strategy = strategyOf(
          { reduce: { name: reduce }, server: [{ name: 'lines', shallow: 0.2, deep: 1 }] },
          of,
        )
        const input = { round: 1, layout: of, global: new Float32Array(5), members, state: null, rng }
        const expected = factors.map(factor => factor * merge)
        assertClose((await aggregate(strategy, input)).params, expected, RELATIVE_TOLERANCE[engine])
      }
    })
  })

describe('lines', () => {
  /** By layer, of an update of 1. */
  const factors = async (model: object, options: object) => {
    await useEngine('cpu')
    const network = await buildNetwork(validate(modelSchema, model), { inputShape: [8, 8, 1], numClasses: 3 })
    const of = network.layout
    network.dispose()
    const members = [{ client: 0, numExamples: 1, params: new Float32Array(of.size).fill(1) }]
    const strategy = strategyOf({ server: [{ name: 'lines', shallow: 0.2, deep: 1, ...options }] }, of)
    const input = { round: 1, layout: of, global: new Float32Array(of.size), members, state: null, rng }
    const { params } = await aggregate(strategy, input)
    return of.blocks.map(({ name, offset }) => [name, Math.round(1e6 * params[offset]!) / 1e6] as const)
  }
  const resnet8 = { name: 'resnet8' }

  it('counts residual blocks, whose layers share a factor; what lies outside takes that of the first', async () => {
    const blocks: Record<string, number> = { block1: 0.2, block2: 0.6, block3: 1 }
    const found = await factors(resnet8, {})
    for (const [name, factor] of found) assert.equal(factor, blocks[name.split('/')[0]!] ?? 0.2, name)
    assert.deepEqual([found[0], found.at(-1)], [['conv1', 0.2], ['fc', 0.2]]) // biome-ignore format: one comparison
    const nearest = await factors(resnet8, { outside: 'nearest' })
    assert.deepEqual(nearest.slice(0, -1), found.slice(0, -1))
    assert.deepEqual(nearest.at(-1), ['fc', 1])
  })

  it('counts layers where it is told to, and where a model has no blocks', async () => {
    const found = await factors(resnet8, { by: 'layer' })
    const last = found.length - 1
    assert.ok(last >= 8)
    for (const [index, [name, factor]] of found.entries())
      assert.ok(Math.abs(factor - (0.2 + (0.8 * index) / last)) < 1e-6, name)
    const mlp = { name: 'mlp', hidden: [4, 4] }
    for (const options of [{}, { by: 'layer' }, { outside: 'nearest' }])
      assert.deepEqual(
        (await factors(mlp, options)).map(([, factor]) => factor),
        [0.2, 0.6, 1],
      )
  })

  it('takes the thirteen separable blocks of a MobileNet with their norms', async () => {
    const found = new Map(await factors({ name: 'mobilenet' }, {}))
    for (const [layer, block] of [
      ['block1/depthwise', 0],
      ['block7/pointwise', 6],
      ['block7/pointwise_norm', 6],
      ['block13/depthwise_norm', 12],
    ] as const)
      assert.equal(found.get(layer), Math.round(1e6 * (0.2 + (0.8 * block) / 12)) / 1e6, layer)
    assert.equal(found.get('conv1_norm'), 0.2)
  })
})

describe('dare', () => {
  it('keeps each entry in the mean over 10,000 masks, and drops half of them each time', async () => {
    await useEngine('cpu')
    const stream = createRng(5)
    const tau = Array.from({ length: 20 }, () => Math.fround(normal(stream)))
    const sum = tau.map(() => 0)
    let dropped = 0
    const strategy = { filters: [{ name: 'dare', drop: 0.5 }] }
    for (let number = 1; number <= 10_000; number++)
      for (const [i, value] of (await merged(strategy, [tau], number)).entries()) {
        sum[i]! += value / 10_000
        dropped += Number(value === 0)
        assert.ok(value === 0 || value === 2 * tau[i]!)
      }
    // A mean of 10,000 draws of 0 or 2τ has a standard deviation of 1 % of τ; five of them.
    assertClose(sum, tau, 0.05)
    assert.ok(Math.abs(dropped / 200_000 - 0.5) < 0.01, `${dropped}`)
  })

  it('drops the entries that the stream of round, client and layer says, two a draw, in layers of any length', async () => {
    await useEngine('cpu')
    for (const size of [1, 2, 8191, 8192, 8193, 20_001]) {
      const of = oneBlock(size)
      const { name } = of.blocks[0]!
      const members = [{ client: 7, numExamples: 1, params: new Float32Array(size).fill(1) }]
      const global = new Float32Array(size)
      const strategy = strategyOf({ filters: [{ name: 'dare', drop: 0.25 }] }, of)
      const { params } = await aggregate(strategy, { round: 3, layout: of, global, members, state: null, rng })
      const stream = rng.fork(`dare/3/7/${name}`)
      const draws = Array.from({ length: Math.ceil(size / 2) }, () => stream.next() * 2 ** 32)
      const kept = Array.from({ length: size }, (_, i) => {
        const draw = draws[Math.floor(i / 2)]!
        return (i % 2 === 0 ? Math.floor(draw / 65_536) : draw % 65_536) >= 0.25 * 65_536
      })
      assert.deepEqual([...params].map(value => value !== 0), kept) // biome-ignore format: one comparison
      assert.ok([...params].every(value => value === 0 || value === Math.fround(1 / 0.75)))
    }
  })

  it('draws by round and client, not by who else is there', async () => {
    await useEngine('cpu')
    const of = oneBlock(64)
    const strategy = strategyOf({ filters: [{ name: 'dare' }] }, of)
    const ones = (client: number) => ({ client, numExamples: 1, params: new Float32Array(64).fill(1) })
    const zeros = (client: number) => ({ client, numExamples: 1, params: new Float32Array(64) })
    const close = async (members: ReturnType<typeof ones>[], number = 1) =>
      (
        await aggregate(strategy, {
          round: number,
          layout: of,
          global: new Float32Array(64),
          members,
          state: null,
          rng,
        })
      ).params
    const alone = await close([ones(3)])
    assert.deepEqual(
      (await close([ones(3), zeros(1)])).map(value => 2 * value),
      alone,
    )
    assert.notDeepEqual(await close([ones(4)]), alone)
    assert.notDeepEqual(await close([ones(3)], 2), alone)
  })
})
