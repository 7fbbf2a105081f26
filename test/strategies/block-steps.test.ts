import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layoutOf } from '../../src/core/layout.ts'
import { spansOf } from '../../src/strategies/block-steps.ts'

/** Blocks of 4, 3, 8, 2, 2 and 5 values: the largest has 8. */
const { blocks } = layoutOf(
  [4, 3, 8, 2, 2, 5].map((size, i) => ({
    name: `l${i}/kernel`,
    shape: [size],
    kind: 'kernel' as const,
    trainable: true,
  })),
)
const spans = (chosen: readonly number[]) =>
  spansOf(chosen.map(i => ({ block: blocks[i]! }))).map(span => span.map(({ block }) => block.name))

describe('blocks that are reduced in one pass', () => {
  it('are adjacent, and together no larger than the largest', () => {
    assert.deepEqual(spans([0, 1, 2, 3, 4, 5]), [['l0', 'l1'], ['l2'], ['l3', 'l4'], ['l5']])
  })

  it('have no block between them that stays local', () => {
    assert.deepEqual(spans([1, 3, 5]), [['l1'], ['l3'], ['l5']])
    assert.deepEqual(spans([2, 4, 5]), [['l2'], ['l4', 'l5']])
  })

  it('are measured by the largest of those that are averaged', () => {
    assert.deepEqual(spans([3, 4]), [['l3'], ['l4']])
    assert.deepEqual(spans([]), [])
  })
})
