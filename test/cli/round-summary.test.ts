import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duration, number, outcomes, overModels, signed } from '../../src/cli/round-summary.ts'

test('numbers are short, and signs are shown where they matter', () => {
  assert.deepEqual(
    [number(0.98765), number(null), signed(0.5), signed(-0.25), signed(null)],
    [...['0.9877', '–', '+0.5000', '−0.2500', '–']],
  )
  assert.deepEqual([signed(-5.6e-17), number(-1e-9), signed(-0.00006)], ['+0.0000', '0.0000', '−0.0001'])
  assert.deepEqual([duration(12.4), duration(1234), duration(61_000)], ['12 ms', '1.23 s', '61.0 s'])
  assert.equal(outcomes({ selected: 10, completed: 8, dropped: 1, rejected: 1 }), '8 ok, 1 dropped, 1 rejected')
  assert.equal(outcomes({ selected: 4, completed: 4, dropped: 0, rejected: 0 }), '4 ok')
})

test('loss and accuracy of one model need no words, those of several say so', () => {
  assert.deepEqual([undefined, 1, 10].map(overModels), [undefined, undefined, 'mean of 10 models'])
})
