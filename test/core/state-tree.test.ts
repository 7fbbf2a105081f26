import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { flattenTree, notFiniteIn, type StateTree, unflattenTree } from '../../src/core/state-tree.ts'

const { tree } = fc.letrec<{ tree: StateTree }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => (Object.is(value, -0) ? 0 : value)),
    fc.float32Array({ maxLength: 4 }),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(
      fc.stringMatching(/^[a-z/$]{1,6}$/).filter(key => key !== '$array'),
      tie('tree'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}))

test('a state tree survives being taken apart, through JSON, and put together again', () => {
  let arrays = 0
  fc.assert(
    fc.property(tree, original => {
      const flat = flattenTree(original)
      arrays += flat.arrays.size
      const copy = unflattenTree({ json: JSON.parse(JSON.stringify(flat.json)), arrays: flat.arrays })
      assert.deepEqual(copy, original)
    }),
    { numRuns: 300 },
  )
  assert.ok(arrays > 100)
})

test('keys that hold a slash do not meet a deeper path', () => {
  const tree = { 'a/b': Float32Array.of(1), a: { b: Float32Array.of(2) } }
  assert.deepEqual(unflattenTree(flattenTree(tree)), tree)
})

test('a number that is not finite is found wherever it is, and named', () => {
  const seen = { array: 0, number: 0, deep: 0 }
  fc.assert(
    fc.property(tree, fc.nat(), fc.constantFrom(Number.NaN, Infinity, -Infinity), (original, draw, bad) => {
      assert.equal(notFiniteIn(finite(original)), null)
      const places = placesOf(original)
      if (places.length === 0) return
      const { path, index } = places[draw % places.length]!
      const spoilt = spoil(finite(original), path, index, bad)
      assert.deepEqual(notFiniteIn(spoilt), { path, value: bad })
      seen[index === null ? 'number' : 'array']++
      seen.deep += Number(path.length > 1)
    }),
    { numRuns: 500 },
  )
  for (const [state, count] of Object.entries(seen)) assert.ok(count >= 20, `${state}: ${count}`)
})

test('what the tree of before shares is not looked at again', () => {
  const shared = Float32Array.of(Infinity)
  assert.equal(notFiniteIn({ a: [shared, 1] }, { a: [shared, 2] }), null)
  assert.deepEqual(notFiniteIn({ a: [shared, 1] }, { b: [shared, 2] }), { path: ['a', '0'], value: Infinity })
})

/** Every number, and every first value of an array: one that is spoilt is then the only one. */
function placesOf(node: StateTree, path: string[] = []): { path: string[]; index: number | null }[] {
  if (typeof node === 'number') return [{ path, index: null }]
  if (node instanceof Float32Array) return node.length > 0 ? [{ path, index: node.length - 1 }] : []
  if (node === null) return []
  return Object.entries(node).flatMap(([key, child]) => placesOf(child as StateTree, [...path, key]))
}

/** The same tree with arrays of its own, without the values that `fc.float32Array` draws beyond the finite numbers. */
function finite(node: StateTree): StateTree {
  if (node instanceof Float32Array) return node.map(value => (Number.isFinite(value) ? value : 3.4e38))
  if (Array.isArray(node)) return node.map(finite)
  if (node === null || typeof node !== 'object') return node
  return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, finite(child)]))
}

function spoil(node: StateTree, [key, ...rest]: readonly string[], index: number | null, value: number): StateTree {
  if (key === undefined) return index === null ? value : (node as Float32Array).with(index, value)
  const entries = Object.entries(node as object)
  const changed = entries.map(([k, child]) => [k, k === key ? spoil(child, rest, index, value) : child] as const)
  return Array.isArray(node) ? changed.map(([, child]) => child) : Object.fromEntries(changed)
}
