import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { duration, number, outcomes, signed, summarizeBarriers, worstLayer } from '../../src/cli/round-summary.ts'

const barrier = (
  path: 'full' | 'layer',
  layer: string | null,
  errorBarrier: number | null,
  split: 'test' | 'train',
) => ({
  path,
  layer,
  errorBarrier,
  split,
})

describe('the summary of a round’s barriers', () => {
  test('is the mean over pairs and bases, on the test set when it was probed there', () => {
    const summary = summarizeBarriers([
      barrier('full', null, 0.5, 'train'),
      barrier('full', null, 0.25, 'test'),
      barrier('full', null, 0.75, 'test'),
      barrier('layer', 'fc1', 0.5, 'test'),
      barrier('layer', 'fc1', -1, 'test'),
      barrier('layer', 'fc2', null, 'test'),
      barrier('layer', 'fc3', 0.125, 'test'),
    ])
    assert.equal(summary.full, 0.5)
    assert.deepEqual(
      [...summary.layers],
      [
        ['fc1', -0.25],
        ['fc3', 0.125],
      ],
    )
    assert.deepEqual(worstLayer(summary), ['fc3', 0.125])
  })

  test('falls back to the training data, and says nothing when nothing was measured', () => {
    assert.equal(summarizeBarriers([barrier('full', null, 0.5, 'train')]).full, 0.5)
    const nothing = summarizeBarriers([])
    assert.equal(nothing.full, null)
    assert.equal(worstLayer(nothing), null)
  })
})

test('numbers are short, and signs are shown where they matter', () => {
  assert.deepEqual(
    [number(0.98765), number(null), signed(0.5), signed(-0.25), signed(null)],
    [...['0.9877', '–', '+0.5000', '−0.2500', '–']],
  )
  assert.deepEqual([duration(12.4), duration(1234), duration(61_000)], ['12 ms', '1.23 s', '61.0 s'])
  assert.equal(outcomes({ selected: 10, completed: 8, dropped: 1, rejected: 1 }), '8 ok, 1 dropped, 1 rejected')
  assert.equal(outcomes({ selected: 4, completed: 4, dropped: 0, rejected: 0 }), '4 ok')
})
