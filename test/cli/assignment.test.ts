import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseAssignment } from '../../src/cli/assignment.ts'
import { assign } from '../../src/core/assign.ts'
import { FedError } from '../../src/core/errors.ts'

const set = (tree: unknown, ...texts: string[]) => texts.map(parseAssignment).reduce(assign, tree)

describe('--set', () => {
  for (const [text, value] of [
    ['a=3', 3],
    ['a=0.5', 0.5],
    ['a=true', true],
    ['a=iid', 'iid'],
    ['a="3"', '3'],
    ['a=x=y', 'x=y'],
    ['a=[full, layer]', ['full', 'layer']],
    ['a={ name: iid }', { name: 'iid' }],
    ['a=', null],
    ['a=1e-3', 0.001],
  ] as const)
    test(`${text} is ${JSON.stringify(value)}`, () => assert.deepEqual(set({}, text), { a: value }))

  test('reaches into mappings and lists, makes mappings that are missing, and appends to a list', () => {
    const tree = { local: { epochs: 1 }, list: [{ match: 'a' }, { match: 'b' }] }
    assert.deepEqual(set(tree, 'local.optimizer.name=sgd', 'list.1.every=2', 'list.2=c'), {
      local: { epochs: 1, optimizer: { name: 'sgd' } },
      list: [{ match: 'a' }, { match: 'b', every: 2 }, 'c'],
    })
  })

  test('the later of two wins', () => assert.deepEqual(set({}, 'a.b=1', 'a.b=2'), { a: { b: 2 } }))

  for (const [texts, expected] of [
    [['rounds'], /KEY=VALUE/],
    [['=3'], /KEY=VALUE/],
    [['a..b=3'], /KEY=VALUE/],
    [['a=[1'], /YAML/],
    [['list.x=1'], /index from 0 to 1/],
    [['list.5=1'], /index from 0 to 1/],
    [['name.first=x'], /mapping.*not "tiny"/],
  ] as const)
    test(`${texts} is refused`, () => {
      assert.throws(
        () => set({ name: 'tiny', list: [0] }, ...texts),
        error => error instanceof FedError && error.code === 'input_invalid' && expected.test(error.message),
      )
    })

  test('a key "__proto__" becomes a key like any other, for the schema to refuse', () => {
    const tree = set({}, '__proto__.polluted=1') as object
    assert.ok(Object.hasOwn(tree, '__proto__'))
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('changes the one place that it names, in a copy', () => {
    const key = fc.constantFrom('a', 'b', 'c')
    const tree = fc.letrec(tie => ({
      node: fc.dictionary(key, fc.oneof({ maxDepth: 3 }, fc.integer(), tie('node')), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    })).node as fc.Arbitrary<Record<string, unknown>>
    let replaced = 0
    fc.assert(
      fc.property(tree, fc.array(key, { minLength: 1, maxLength: 3 }), fc.integer(), (before, path, value) => {
        fc.pre(!blocked(before, path))
        const copy = structuredClone(before)
        const after = assign(before, { path, value }) as Record<string, unknown>
        assert.deepEqual(before, copy)
        assert.equal(at(after, path), value)
        for (const [name, part] of Object.entries(before)) if (name !== path[0]) assert.equal(after[name], part)
        if (at(before, path) !== undefined) replaced++
      }),
      { numRuns: 300 },
    )
    assert.ok(replaced > 30, `only ${replaced} of the paths were there before`)
  })
})

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree)
}

/** Whether a number stands in the way of the path. */
function blocked(tree: unknown, path: readonly string[]): boolean {
  return path.slice(0, -1).some((_, i) => typeof at(tree, path.slice(0, i + 1)) === 'number')
}
