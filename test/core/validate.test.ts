import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import type { FedError } from '../../src/core/errors.ts'
import { registry } from '../../src/core/registry.ts'
import { validate } from '../../src/core/validate.ts'

const iid = { name: 'iid', summary: '', schema: z.strictObject({ name: z.literal('iid') }) }
const dirichlet = {
  name: 'dirichlet',
  summary: '',
  schema: z.strictObject({ name: z.literal('dirichlet'), dirichletAlpha: z.number().positive() }),
}
const partitioners = registry('partitioner', [iid, dirichlet])
const schema = z.strictObject({
  rounds: z.int().min(1).max(10),
  partition: partitioners.schema.default({ name: 'iid' }),
  clients: z
    .strictObject({ total: z.int(), init: z.enum(['shared', 'independent']).default('shared') })
    .prefault({ total: 1 }),
  preset: z.union([z.enum(['fedavg', 'fedadam']), partitioners.schema]).optional(),
  layers: z.array(z.strictObject({ match: z.union([z.string(), z.array(z.string())]) })).default([]),
})

function issues(input: unknown): Record<string, string> {
  try {
    validate(schema, input, 'run_file_invalid')
  } catch (error) {
    const { code, detail } = error as FedError
    assert.equal(code, 'run_file_invalid')
    return Object.fromEntries((detail.issues ?? []).map(({ path, message }) => [path, message]))
  }
  return {}
}

describe('each wrong key is named, with what was expected and what came', () => {
  const cases: readonly (readonly [string, unknown, Record<string, string>])[] = [
    ['a mistyped key', { rouns: 3, rounds: 1 }, { rouns: 'unknown key. Did you mean "rounds"?' }],
    [
      'a far-off key',
      { banana: 3, rounds: 1 },
      { banana: 'unknown key. Valid keys: rounds, partition, clients, preset, layers' },
    ],
    ['a missing key', {}, { rounds: 'is missing: expected number' }],
    ['a wrong type', { rounds: 'three' }, { rounds: 'expected number, got "three"' }],
    ['a number out of bounds', { rounds: 99 }, { rounds: 'too big: expected number to be <=10, got 99' }],
    [
      'a nested mistyped key',
      { rounds: 1, clients: { totl: 2, total: 2 } },
      { 'clients.totl': 'unknown key. Did you mean "total"?' },
    ],
    [
      'a mistyped choice',
      { rounds: 1, clients: { total: 2, init: 'shard' } },
      { 'clients.init': 'expected one of shared, independent, got "shard". Did you mean "shared"?' },
    ],
    [
      'a mistyped component',
      { rounds: 1, partition: { name: 'dirichlt' } },
      { 'partition.name': 'expected one of iid, dirichlet, got "dirichlt". Did you mean "dirichlet"?' },
    ],
    [
      'an option of another component',
      { rounds: 1, partition: { name: 'dirichlet', dirichletAlfa: 1, dirichletAlpha: 1 } },
      { 'partition.dirichletAlfa': 'unknown key. Did you mean "dirichletAlpha"?' },
    ],
    [
      'inside a list',
      { rounds: 1, layers: [{ match: 'a' }, { mach: 'b', match: 'c' }] },
      { 'layers.1.mach': 'unknown key. Did you mean "match"?' },
    ],
    [
      'a string in a union',
      { rounds: 1, preset: 'fedadm' },
      { preset: 'expected one of fedavg, fedadam, got "fedadm". Did you mean "fedadam"?' },
    ],
    [
      'an object in a union',
      { rounds: 1, preset: { name: 'dirichlt' } },
      { 'preset.name': 'expected one of iid, dirichlet, got "dirichlt". Did you mean "dirichlet"?' },
    ],
    [
      'an option of an object in a union',
      { rounds: 1, preset: { name: 'iid', x: 1 } },
      { 'preset.x': 'unknown key. Valid keys: name' },
    ],
    ['not an object at all', 'rounds: 3', { '': 'expected object, got "rounds: 3"' }],
  ]
  for (const [name, input, expected] of cases) test(name, () => assert.deepEqual(issues(input), expected))

  test('a union tells all that it accepts', () => {
    assert.match(
      issues({ rounds: 1, layers: [{ match: 3 }] })['layers.0.match'] ?? '',
      /expected string.* or expected array.*got 3/,
    )
  })
})

test('what is valid comes back with its defaults', () => {
  assert.deepEqual(validate(schema, { rounds: 2 }), {
    rounds: 2,
    partition: { name: 'iid' },
    clients: { total: 1, init: 'shared' },
    layers: [],
  })
})

describe('a registry', () => {
  test('finds by name, and names the nearest otherwise', () => {
    assert.equal(partitioners.named('dirichlet'), dirichlet)
    assert.throws(
      () => partitioners.named('dirichelt'),
      (error: FedError) => error.code === 'input_invalid' && error.message.includes('Did you mean "dirichlet"?'),
    )
  })
})

test('a value that cannot be made a text is explained like any other', () => {
  const schema = z.strictObject({ kind: z.enum(['one', 'two']) })
  for (const kind of [{ toString: 1 }, Object.create(null), [], null])
    assert.throws(() => validate(schema, { kind }), { code: 'input_invalid' })
})
