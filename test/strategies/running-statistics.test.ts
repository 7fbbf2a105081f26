import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LayerLayout, layoutOf, type Params, view } from '../../src/core/layout.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import { aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { exchanges } from '../../src/strategies/exchanges/index.ts'
import { filters } from '../../src/strategies/filters/index.ts'
import { takesPart } from '../../src/strategies/layer-rules.ts'
import { reducers } from '../../src/strategies/reducers/index.ts'
import { selectors } from '../../src/strategies/selectors/index.ts'
import { serverOptimizers } from '../../src/strategies/server/index.ts'
import { half } from '../analysis/toys.ts'
import { meanByExamples, valuesAt } from '../oracle/running-statistics.ts'
import { bare, CLIENTS, cohort, dense, drawn, isVariance, layout, norm, positions } from './batch-norm-model.ts'
import { ENGINES, SKIP, useEngine } from './engines.ts'
import { assertClose, rng, strategyOf, withExtras } from './fixtures.ts'
import { momentumOracle } from './oracle.ts'

const weightsOf = (params: Params) => valuesAt(positions, params, false)
const statisticsOf = (params: Params) => valuesAt(positions, params)

/** A run of three rounds on one of the two models: `of` says what it has of a vector. */
async function run(options: object, layout: LayerLayout, of: (params: Params) => Params) {
  const strategy = strategyOf(options, layout)
  let params = of(drawn(createRng(11, 'global')))
  let state: StateTree = null
  const results = []
  for (const round of [1, 2, 3]) {
    const members = withExtras(cohort(`round ${round}`), bare).map(member => ({ ...member, params: of(member.params) }))
    const result = await aggregate(strategy, {
      ...{ round, layout, global: params, members: members.toReversed(), state, rng },
      layerBarriers: async () => new Map(layout.blocks.map(({ name }, i) => [name, i < 2 ? 0.01 : 0.04])),
      unlabelled: { count: 3, entropy: async at => ({ entropy: half(at), gradient: at }) },
    })
    ;({ params, state } = result)
    results.push(result)
  }
  return results
}

/** Of more than a name where defaults would take long, or need more than a toy has. */
const OPTIONS: Readonly<Record<string, object>> = { adaMerging: { steps: 3, rate: 0.1 } }
const named = (name: string) => ({ name, ...OPTIONS[name] })

const CASES = [
  ...reducers.members.map(({ name }) => ({ reduce: named(name) })),
  ...filters.members.map(({ name }) => ({ filters: [named(name)] })),
  ...serverOptimizers.members.map(({ name }) => ({ server: [named(name)] })),
  ...selectors.members.map(({ name }) => ({ select: named(name) })),
  { select: { name: 'barrier', above: 'damped' } },
  ...exchanges.members.map(({ name }) => ({ exchange: named(name) })),
  { filters: [named('dare')], reduce: named('taskArithmetic'), server: [named('momentum'), named('yogi')] },
  { layers: [{ match: '*', average: 'uniform' }], server: [named('momentum')] },
  { layers: [{ match: '*', average: 'uniform', clientWeights: { 0: 7, 3: 0.25 } }] },
]

for (const engine of ENGINES)
  describe(`running statistics on ${engine}`, { skip: SKIP[engine] }, () => {
    for (const options of CASES)
      it(`are the clients' mean by examples, and weights as without them: ${JSON.stringify(options)}`, async () => {
        await useEngine(engine)
        const [whole, without] = [await run(options, layout, params => params), await run(options, bare, weightsOf)]
        let before = drawn(createRng(11, 'global'))
        let moved = 0
        for (const [r, { params, averaged }] of whole.entries()) {
          const members = cohort(`round ${r + 1}`)
          const mean = meanByExamples(
            members.map(each => each.params),
            members.map(({ numExamples }) => numExamples),
          )
          const shared = layout.blocks.flatMap(({ name, size }) =>
            new Array<boolean>(size).fill(averaged.includes(name)),
          )
          const expected = Float32Array.from(positions, (_, i) => (shared[i] ? mean[i]! : before[i]!))
          assertClose(statisticsOf(params), statisticsOf(expected), 2 ** -23)
          assert.deepEqual(weightsOf(params), without[r]!.params)
          assert.deepEqual(averaged, without[r]!.averaged)
          for (const [i, value] of params.entries()) assert.ok(!isVariance[i] || value >= 0, `${value} at ${i}`)
          if (averaged.includes('norm1')) moved++
          before = params
        }
        assert.ok(moved > 0, 'some round averages a layer with statistics')
        // What is remembered is of the weights alone, so that a run goes on with the same bits.
        assert.deepEqual(whole[2]!.state, dropOlder(without[2]!.state, whole[2]!.state))
      })
  })

/** Anchors are whole models, and the only memory that holds statistics. */
function dropOlder(state: StateTree, whole: StateTree): StateTree {
  const { exchange } = whole as { exchange?: { anchors?: StateTree } }
  return exchange?.anchors ? { ...(state as object), exchange: exchange as StateTree } : state
}

/** One round with these layer rules. */
async function averagedBy(layers: readonly object[], members = cohort('rules'), round = 2) {
  await useEngine('cpu')
  const global = drawn(createRng(11, 'global'))
  const strategy = strategyOf({ layers }, layout)
  return { global, members, ...(await aggregate(strategy, { round, layout, global, members, state: null, rng })) }
}
const [norm1] = layout.blocks.filter(({ name }) => name === 'norm1')
const statisticsOfNorm1 = (params: Params) => view(params, norm1!).slice(6)
const expectedOf = (members: readonly Member[]) =>
  meanByExamples(
    members.map(({ params }) => statisticsOfNorm1(params)),
    members.map(({ numExamples }) => numExamples),
  )

it('layer rules decide who takes part, not what a client counts', async () => {
  const clientWeights = { 0: 0, 2: 100, 5: 0.01, 6: 0 }
  for (const average of ['weighted', 'uniform']) {
    const { params, members } = await averagedBy([{ match: '*', average, clientWeights }])
    assertClose(statisticsOfNorm1(params), expectedOf(members.slice(1, 6)), 2 ** -23)
  }
  const { params, members } = await averagedBy([{ match: '*', participation: 0.5 }])
  const rule = { average: 'weighted', clientWeights: {}, participation: 0.5 } as const
  const present = members.filter(({ client }) => takesPart(rule, { block: 'norm1', client, round: 2 }, rng))
  assert.ok(present.length > 0 && present.length < CLIENTS)
  assertClose(statisticsOfNorm1(params), expectedOf(present), 2 ** -23)
})

it('a block that is not averaged keeps its statistics', async () => {
  for (const rule of [
    { match: 'norm1', average: 'none' },
    { match: 'norm1', every: 3 },
  ]) {
    const { params, global, averaged } = await averagedBy([rule, { match: '*' }])
    assert.deepEqual(view(params, norm1!), view(global, norm1!))
    assert.deepEqual(averaged, ['fc1', 'fc2', 'norm2', 'fc3'])
  }
})

it('clients without examples count in a uniform mean of weights, and not in statistics; all alike where nobody has any', async () => {
  const uniform = [{ match: '*', average: 'uniform' }]
  const some = cohort('rules').map(member => ({ ...member, numExamples: member.client < 4 ? 0 : member.numExamples }))
  assertClose(statisticsOfNorm1((await averagedBy(uniform, some)).params), expectedOf(some.slice(4)), 2 ** -23)
  const none = cohort('rules').map(member => ({ ...member, numExamples: 0 }))
  const alike = expectedOf(none.map(member => ({ ...member, numExamples: 1 })))
  assertClose(statisticsOfNorm1((await averagedBy(uniform, none)).params), alike, 2 ** -23)
})

it('a layer of nothing but statistics is averaged where its rule says so, whatever a selector thinks', async () => {
  await useEngine('cpu')
  const plain = layoutOf([...dense('fc1', 2, 3), ...norm('norm1').slice(2), ...dense('fc2', 3, 2)])
  const stream = createRng(3, 'plain')
  const draw = () => Float32Array.from({ length: plain.size }, () => normal(stream) ** 2)
  const members = [1, 2, 4].map((numExamples, client) => ({ client, numExamples, params: draw() }))
  for (const options of [
    {},
    { reduce: { name: 'krum' } },
    { select: { name: 'playerfl' } },
    { select: { name: 'fedlama' } },
    { filters: [{ name: 'dare' }], server: [{ name: 'adam' }] },
  ]) {
    const { params, averaged } = await aggregate(strategyOf(options, plain), {
      ...{ round: 1, layout: plain, global: draw(), members: withExtras(members, plain), state: null, rng },
    })
    assert.deepEqual(averaged, ['fc1', 'norm1', 'fc2'])
    const at = plain.blocks[1]!
    const expected = meanByExamples(
      members.map(member => view(member.params, at)),
      [1, 2, 4],
    )
    assertClose(view(params, at), expected, 2 ** -23)
  }
})

it('FedAvgM on a variance of 100 where clients have 1: momentum would carry it to -88.1', async () => {
  await useEngine('cpu')
  const [at] = layout.blocks.filter(({ name }) => name === 'norm1')
  const variance = at!.offset + 9
  let global = new Float32Array(layout.size)
  global[variance] = 100
  let state: StateTree = null
  const asAWeight: number[] = []
  const deltas: number[] = []
  for (const round of [1, 2, 3]) {
    const params = new Float32Array(layout.size)
    params[variance] = 1
    const before = asAWeight.at(-1) ?? 100
    deltas.push(1 - before)
    asAWeight.push(before + momentumOracle(deltas, {}).at(-1)!)
    const members = [0, 1].map(client => ({ client, numExamples: 5, params }))
    const strategy = strategyOf({ preset: 'fedavgm' }, layout)
    const closed = await aggregate(strategy, { round, layout, global, members, state, rng })
    ;({ state } = closed)
    global = closed.params as typeof global
    assert.equal(global[variance], 1)
  }
  assert.ok(Math.abs(asAWeight[1]! + 88.1) < 1e-9, `as a weight it would be ${asAWeight}`)
})

it('reducers that look at the whole model see it with the statistics that it will have', async () => {
  await useEngine('cpu')
  const members = cohort('seen')
  const seen: Params[] = []
  await aggregate(strategyOf({ reduce: { name: 'adaMerging', steps: 2 } }, layout), {
    ...{ round: 1, layout, global: drawn(createRng(11, 'global')), members, state: null, rng },
    unlabelled: {
      count: 2,
      entropy: async params => {
        seen.push(params.slice())
        return { entropy: 0, gradient: params }
      },
    },
  })
  assert.equal(seen.length, 2)
  for (const params of seen) assertClose(statisticsOfNorm1(params), expectedOf(members), 2 ** -23)
})

it('memory of a server optimizer that took statistics for weights is refused, never read', async () => {
  await useEngine('cpu')
  const [global, members] = [drawn(createRng(11, 'global')), cohort('old')]
  const older = Object.fromEntries(layout.blocks.map(({ name, size }) => [name, { velocity: new Float32Array(size) }]))
  const state = { server: [older], layers: null }
  await assert.rejects(
    aggregate(strategyOf({ preset: 'fedavgm' }, layout), { round: 4, layout, global, members, state, rng }),
    {
      code: 'checkpoint_invalid',
      message: /velocity: float32\[6\].*velocity: float32\[12\].*statistics/,
    },
  )
})

it('control variates that were kept for statistics too are read as far as the weights go', async () => {
  await useEngine('cpu')
  const [global, members] = [drawn(createRng(11, 'global')), cohort('old')]
  const close = async (size: (of: { size: number; name: string }) => number) => {
    const control = Object.fromEntries(
      layout.blocks.map(block => [block.name, Float32Array.from({ length: size(block) }, (_, i) => i)]),
    )
    const sent = members.map(member => ({
      ...member,
      extras: new Map(
        bare.blocks.map(({ name, size }) => [`control/${name}`, new Float32Array(size).fill(member.client)]),
      ),
    }))
    const state = { server: [{}], layers: null, exchange: { control } }
    const strategy = strategyOf({ preset: 'scaffold' }, layout)
    return (await aggregate(strategy, { round: 4, layout, global, members: sent, state, rng })).state
  }
  assert.deepEqual(
    await close(({ size }) => size),
    await close(({ name }) => bare.blocks.find(block => block.name === name)!.size),
  )
})
