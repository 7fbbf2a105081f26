import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { prepareEngine } from '../../src/compute/choose.ts'
import { createRng, normal } from '../../src/core/rng.ts'
import type { StateTree } from '../../src/core/state-tree.ts'
import { type AggregateInput, type AggregateResult, aggregate } from '../../src/strategies/aggregate.ts'
import type { Member } from '../../src/strategies/cohort.ts'
import { exchanges } from '../../src/strategies/exchanges/index.ts'
import { toldBy } from '../../src/strategies/memory.ts'
import { assertClose, layout, rng, round, strategyOf } from './fixtures.ts'

const CLIENTS = 5

/** Members that send a control variate for each of the blocks, beside what was kept for them. */
function withControls(
  members: readonly Member[],
  kept: Map<number, Map<string, Float32Array>>,
  label: string,
): Member[] {
  const stream = createRng(3, label)
  return members.map(member => {
    const extras = new Map(
      layout.blocks.map(({ name, size }) => [
        `control/${name}`,
        Float32Array.from({ length: size }, () => normal(stream)),
      ]),
    )
    const before = kept.get(member.client)
    kept.set(member.client, extras)
    return { ...member, extras, kept: before }
  })
}

before(() => prepareEngine('wasm'))

describe('scaffold', () => {
  for (const [models, average] of [
    ['weighted', 'uniform'],
    ['weighted', 'weighted'],
    ['uniform', 'weighted'],
  ] as const)
    it(`moves the common control variate as the float64 loop does: ${average}, of models weighed ${models}`, async () => {
      const exchange = { name: 'scaffold', ...(average === 'weighted' && { average }) }
      const strategy = strategyOf({ layers: [{ match: '*', average: models }], exchange })
      const kept = new Map<number, Map<string, Float32Array>>()
      const expected = new Float64Array(layout.size)
      let state: StateTree = null
      assert.equal(toldBy(strategy.exchange, state).size, 0, 'nothing is told at first: all begin at 0')
      for (const [index, absent] of [0, 2, 1].entries()) {
        const cohort = round(`round ${index}`, 4)
        const present = cohort.members.filter((_, k) => k !== absent)
        const before = new Map([...kept].map(([client, extras]) => [client, extras] as const))
        const members = withControls(present, kept, `round ${index}`)
        const input: Omit<AggregateInput, 'members'> = {
          ...{ round: index + 1, layout, global: cohort.global, state, rng },
          totalClients: CLIENTS,
        }
        const result: AggregateResult = await aggregate(strategy, { ...input, members: members.toReversed() })
        assert.deepEqual(result, await aggregate(strategy, { ...input, members }), 'whatever the order of arrival')
        state = result.state

        const total = present.reduce((sum, { numExamples }) => sum + numExamples, 0)
        for (const { client, numExamples, extras } of members) {
          // |S| / N · p_k, which is 1 / N for clients that are all alike.
          const alike = average === 'uniform' || models === 'uniform'
          const share = alike ? 1 / CLIENTS : (3 / CLIENTS) * (numExamples / total)
          for (const { name, offset, size } of layout.blocks)
            for (let i = 0; i < size; i++) {
              const old = before.get(client)?.get(`control/${name}`)?.[i] ?? 0
              expected[offset + i]! += share * (extras!.get(`control/${name}`)![i]! - old)
            }
        }
        const told = toldBy(strategy.exchange, state)
        assertClose(
          layout.blocks.flatMap(({ name }) => [...told.get(`control/${name}`)!]),
          expected,
          1e-6,
          expected.map(() => 1),
        )
      }
    })

  it('leaves alone what stays local, and what it told before', async () => {
    const strategy = strategyOf({
      layers: [{ match: 'fc2', average: 'none' }, { match: '*' }],
      exchange: { name: 'scaffold' },
    })
    const { global, members } = round('local', 3)
    const first = await aggregate(strategy, {
      ...{ round: 1, layout, global, state: null, rng },
      members: withControls(members, new Map(), 'local'),
    })
    const told = toldBy(strategy.exchange, first.state)
    assert.deepEqual([...told.keys()], ['control/conv1', 'control/norm1', 'control/fc1'])
    const copy = structuredClone([...told])
    await aggregate(strategy, {
      round: 2,
      layout,
      global,
      state: first.state,
      rng,
      members: withControls(members, new Map(), 'x'),
    })
    assert.deepEqual([...told], copy)
  })
})

describe('past models', () => {
  it('are the global models of the rounds before, the newest first, as many as asked for', async () => {
    const strategy = strategyOf({ exchange: { name: 'pastModels', anchors: 3 } })
    let state: StateTree = null
    const globals: Float32Array[] = []
    for (let index = 0; index < 4; index++) {
      const told = toldBy(strategy.exchange, state)
      const newest = globals.slice(-2).reverse() // that of the round itself is the third
      for (const { name, offset, size } of layout.blocks)
        assert.deepEqual(
          [...(told.get(`anchors/${name}`) ?? [])],
          newest.flatMap(global => [...global.subarray(offset, offset + size)]),
        )
      const { global, members } = round(`past ${index}`, 2)
      ;({ state } = await aggregate(strategy, { round: index + 1, layout, global, members, state, rng }))
      globals.push(global)
    }
    const one = await aggregate(strategyOf({ exchange: { name: 'pastModels' } }), {
      ...{ round: 1, layout, state: null, rng },
      ...round('one', 2),
    })
    assert.equal(toldBy(strategyOf({ exchange: { name: 'pastModels' } }).exchange, one.state).size, 0)
  })
})

it('every registered exchange has its test here', () => {
  assert.deepEqual(
    exchanges.members.map(({ name }) => name),
    ['scaffold', 'pastModels'],
  )
})
