import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { flattenTree, type StateTree, unflattenTree } from '../../src/core/state-tree.ts'

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
