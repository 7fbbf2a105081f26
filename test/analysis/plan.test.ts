import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { barriersSchema, betweenOf, overridden, probesRound } from '../../src/analysis/plan.ts'
import { validate } from '../../src/core/validate.ts'

test('the defaults are those of the design', () => {
  assert.deepEqual(validate(barriersSchema, {}), {
    every: 1,
    between: 'clients',
    pairs: 1,
    paths: ['full', 'layer'],
    orders: ['shallow'],
    groups: [],
    window: 2,
    interpolation: 3,
    examples: 2000,
    splits: ['test'],
    keepModels: 'none',
  })
})

test('a plan that was stored is read back as it is', () => {
  const plan = validate(barriersSchema, { between: ['group', 'clients'], interpolation: 11, splits: ['train', 'test'] })
  assert.deepEqual(validate(barriersSchema, JSON.parse(JSON.stringify(plan))), plan)
})

test('what is compared is one thing or a list', () => {
  assert.deepEqual(betweenOf({ between: 'global' }), ['global'])
  assert.deepEqual(betweenOf(validate(barriersSchema, { between: ['global', 'group'] })), ['global', 'group'])
})

test('every n-th round is probed, and none for 0', () => {
  const probed = (every: number) => [1, 2, 3, 4, 5, 6].filter(round => probesRound({ every }, round))
  assert.deepEqual(probed(1), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(probed(3), [3, 6])
  assert.deepEqual(probed(0), [])
})

const refused: readonly [input: object, message: RegExp][] = [
  [{ evry: 1 }, /evry: unknown key. Did you mean "every"\?/],
  [{ every: -1 }, /every: .*>=0, got -1/],
  [{ every: 0.5 }, /every: .*int.*got 0.5/],
  [{ between: 'client' }, /between: .*clients, global, init, group, groupLayers.*got "client"/],
  [
    { between: ['clients', 'globl'] },
    /between\.1: expected one of clients, global, init, group, groupLayers, got "globl"/,
  ],
  [{ between: ['clients', 'clients'] }, /between: expected each at most once, got \["clients","clients"\]/],
  [{ pairs: 0 }, /pairs: .*>=1, got 0/],
  [{ paths: [] }, /paths: .*>=1/],
  [{ paths: ['full', 'group'] }, /paths\.1: expected one of full, layer, cumulative, layers, window, got "group"/],
  [{ paths: ['layers'] }, /groups: expected a group of layers for each of the paths of kind layers, got none/],
  [{ groups: [['fc1']] }, /groups: expected layers among barriers.paths where groups are listed/],
  [{ paths: ['layers'], groups: [[]] }, /groups\.0: .*>=1/],
  [{ window: 0 }, /window: .*>=1, got 0/],
  [{ paths: ['full', 'full'] }, /paths: expected each at most once/],
  [
    { orders: ['depe'] },
    /orders\.0: expected one of shallow, deep, random, minimal, got "depe". Did you mean "deep"\?/,
  ],
  [{ interpolation: 4 }, /interpolation: expected an odd number of points, so that ½ is one, got 4/],
  [{ interpolation: 1 }, /interpolation: .*>=3, got 1/],
  [{ examples: 0 }, /examples: .*>=1, got 0/],
  [{ splits: ['validation'] }, /splits\.0: expected one of train, test, got "validation"/],
]

test('what is wrong is refused by key, with what was expected and what came', () => {
  for (const [input, message] of refused) assert.throws(() => validate(barriersSchema, input), message)
})

test('keys given anew come before those of a plan, whose groups stay only where they are measured', () => {
  const plan = validate(barriersSchema, { paths: ['full', 'layers'], groups: [['fc1', 'fc2']], examples: 50 })
  const set = (given: object) => validate(barriersSchema, overridden(plan, given))
  assert.deepEqual(set({}), plan)
  assert.deepEqual(set({ paths: ['full', 'layer'] }), { ...plan, paths: ['full', 'layer'], groups: [] })
  assert.deepEqual(set({ paths: undefined, examples: 7 }), { ...plan, examples: 7 })
  assert.deepEqual(set({ groups: [['fc2']] }), { ...plan, groups: [['fc2']] })
  assert.throws(() => set({ paths: ['full'], groups: [['fc2']] }), /groups: expected layers among barriers\.paths/)
  assert.throws(() => set({ paths: 'full' }), /paths: expected array/)
})

test('every key has a description for the documentation, and a default', () => {
  const { properties, required } = z.toJSONSchema(barriersSchema, { io: 'input' })
  assert.equal(required, undefined)
  for (const [key, property] of Object.entries(properties ?? {}))
    assert.ok(typeof property === 'object' && property.description && 'default' in property, key)
})
