import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { blockNames } from '../../src/core/layout.ts'
import { createRng } from '../../src/core/rng.ts'
import { validate } from '../../src/core/validate.ts'
import {
  type LayerRule,
  layerPlan,
  layerRuleSchema,
  requireRules,
  sharedBlocks,
} from '../../src/strategies/layer-rules.ts'
import { layout, rng } from './fixtures.ts'

const names = blockNames(layout) // conv1, norm1, fc1, fc2
const rules = (...written: z.input<typeof layerRuleSchema>[]): LayerRule[] =>
  validate(z.array(layerRuleSchema), written)
const averaged = (parsed: LayerRule[], round: number, stream = rng) => [
  ...layerPlan(parsed, layout, round, stream).averaged.keys(),
]

describe('layer rules', () => {
  it('take the first match, and leave unmatched blocks local', () => {
    const plan = layerPlan(
      rules({ match: 'fc2', average: 'none' }, { match: 'fc*', average: 'uniform' }, { match: 'conv1' }),
      layout,
      1,
      rng,
    )
    assert.deepEqual(
      [...plan.averaged],
      [
        ['conv1', { average: 'weighted', clientWeights: {} }],
        ['fc1', { average: 'uniform', clientWeights: {} }],
      ],
    )
    assert.deepEqual(plan.local, ['norm1', 'fc2'])
  })

  it('match by kind and by list', () => {
    assert.deepEqual(averaged(rules({ match: 'kind:norm', average: 'none' }, { match: '*' }), 1), [
      'conv1',
      'fc1',
      'fc2',
    ])
    assert.deepEqual(averaged(rules({ match: ['fc2', 'conv*'] }), 1), ['conv1', 'fc2'])
  })

  it('average every n-th round, starting with round n', () => {
    const parsed = rules({ match: 'fc*', every: 3 }, { match: '*' })
    const withFc = [1, 2, 3, 4, 5, 6, 7].filter(round => averaged(parsed, round).includes('fc1'))
    assert.deepEqual(withFc, [3, 6])
    assert.deepEqual(averaged(parsed, 1), ['conv1', 'norm1'])
  })

  it('average until a round, and part the clients from there on', () => {
    const parsed = rules({ match: 'fc*', until: 2 }, { match: '*', every: 2, until: 4 })
    const byRound = [1, 2, 3, 4, 5, 6].map(round => averaged(parsed, round).join())
    assert.deepEqual(byRound, ['fc1,fc2', 'conv1,norm1,fc1,fc2', '', 'conv1,norm1', '', ''])
    assert.deepEqual(
      sharedBlocks(parsed, layout).map(block => block.name),
      names,
    )
    assert.throws(() => rules({ match: '*', average: 'none', until: 2 }), /no meaning/)
  })

  it('go round robin through the blocks that the rule decides, also together with every', () => {
    const parsed = rules({ match: 'norm1', average: 'none' }, { match: '*', pick: 'roundRobin' })
    assert.deepEqual(
      [1, 2, 3, 4].map(round => averaged(parsed, round)),
      [['conv1'], ['fc1'], ['fc2'], ['conv1']],
    )
    const slower = rules({ match: ['fc1', 'fc2'], pick: 'roundRobin', every: 2 })
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(round => averaged(slower, round)),
      [[], ['fc1'], [], ['fc2'], [], ['fc1']],
    )
  })

  it('pick at random one block a round: the same for the same stream, every block in the long run', () => {
    const parsed = rules({ match: '*', pick: 'random' })
    const picks = Array.from({ length: 400 }, (_, index) => averaged(parsed, index + 1))
    assert.ok(picks.every(pick => pick.length === 1))
    assert.deepEqual(
      picks,
      Array.from({ length: 400 }, (_, index) => averaged(parsed, index + 1, createRng(1))),
    )
    assert.notDeepEqual(
      picks,
      Array.from({ length: 400 }, (_, index) => averaged(parsed, index + 1, createRng(2))),
    )
    // Binomial(400, 1/4): 100 ± 8.7; six standard deviations.
    for (const name of names) {
      const count = picks.filter(([pick]) => pick === name).length
      assert.ok(Math.abs(count - 100) < 52, `${name}: ${count} of 400`)
    }
  })

  it('draw for two rules independently', () => {
    const parsed = rules({ match: ['conv1', 'norm1'], pick: 'random' }, { match: ['fc1', 'fc2'], pick: 'random' })
    const pairs = new Set(Array.from({ length: 64 }, (_, index) => averaged(parsed, index + 1).join()))
    assert.equal(pairs.size, 4)
  })

  it('carry the factors of single clients', () => {
    const plan = layerPlan(rules({ match: '*', clientWeights: { 0: 0.5, 7: 0 } }), layout, 1, rng)
    assert.deepEqual(plan.averaged.get('fc1')?.clientWeights, { 0: 0.5, 7: 0 })
  })

  it('may average nothing at all: the control run', () => {
    const control = rules({ match: '*', average: 'none' })
    requireRules(control, layout)
    assert.deepEqual(layerPlan(control, layout, 1, rng), { averaged: new Map(), local: names })
    assert.deepEqual(sharedBlocks(control, layout), [])
  })

  it('refuse a pattern that names no block, with the names there are', () => {
    for (const match of ['fc9', ['fc1', 'fc9']])
      assert.throws(
        () => requireRules(rules({ match }), layout),
        (error: Error & { code?: string }) =>
          error.code === 'layer_unknown' && error.message.includes('"fc9"') && error.message.includes(names.join(', ')),
      )
  })

  it('refuse a rule that an earlier one leaves nothing, except a closing "*"', () => {
    assert.throws(() => requireRules(rules({ match: '*' }, { match: 'fc2', average: 'none' }), layout), {
      code: 'strategy_invalid',
      message: /rule 2 \(fc2\)/,
    })
    requireRules(rules({ match: [...names], average: 'none' }, { match: '*' }), layout)
  })

  it('refuse keys that mean nothing next to average: none, and impossible numbers', () => {
    const refused = (rule: unknown) => assert.throws(() => rules(rule as never), { code: 'input_invalid' })
    refused({ match: '*', average: 'none', every: 2 })
    refused({ match: '*', average: 'none', pick: 'random' })
    refused({ match: '*', average: 'none', clientWeights: { 1: 2 } })
    refused({ match: '*', every: 0 })
    refused({ match: '*', every: 1.5 })
    refused({ match: [] })
    refused({ match: '' })
    refused({ match: '*', clientWeights: { 1: -1 } })
    refused({ match: '*', clientWeights: { 1: 1.1e9 } })
    refused({ match: '*', clientWeights: { one: 1 } })
    refused({ match: '*', avarage: 'none' })
  })

  it('divide the blocks in two in every round, within what is ever shared', () => {
    const seen = { averaged: 0, local: 0, waiting: 0, picked: 0 }
    const match = fc.oneof(
      fc.constantFrom(...names, '*', 'fc*', 'kind:norm'),
      fc.subarray([...names], { minLength: 1 }),
    )
    const rule = fc.oneof(
      fc.record({ match, average: fc.constant('none' as const) }),
      fc.record(
        {
          match,
          average: fc.constantFrom('weighted' as const, 'uniform' as const),
          every: fc.integer({ min: 1, max: 4 }),
          pick: fc.constantFrom('random' as const, 'roundRobin' as const),
        },
        { requiredKeys: ['match'] },
      ),
    )
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 4, size: 'max' }),
        fc.integer({ min: 1, max: 12 }),
        (written, round) => {
          const parsed = rules(...written)
          const plan = layerPlan(parsed, layout, round, rng)
          assert.deepEqual([...plan.averaged.keys(), ...plan.local].sort(), [...names].sort())
          const shared = sharedBlocks(parsed, layout).map(block => block.name)
          for (const name of plan.averaged.keys()) assert.ok(shared.includes(name))
          assert.deepEqual(layerPlan(parsed, layout, round, createRng(1)), plan)
          seen.averaged += plan.averaged.size
          seen.local += names.length - shared.length
          seen.waiting += shared.length - plan.averaged.size
          seen.picked += written.filter(one => 'pick' in one).length
        },
      ),
    )
    for (const [state, count] of Object.entries(seen)) assert.ok(count > 20, `${state}: ${count}`)
  })
})
