import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FedError } from '../../src/core/errors.ts'
import { createRng } from '../../src/core/rng.ts'
import { apportion } from '../../src/data/apportion.ts'
import { examplesOf } from '../../src/data/examples.ts'
import { countLabels, indicesByClass } from '../../src/data/labels.ts'
import { limit, stratifiedOrder } from '../../src/data/stratify.ts'

const labelsOf = fc.array(fc.nat(4), { minLength: 1, maxLength: 200 }).map(list => Uint8Array.from(list))

test('apportion follows a worked example of largest remainders', () => {
  // Quotas of 10 seats for 43, 31, 26 are 4.3, 3.1, 2.6: floors 4, 3, 2, and the seat left goes to the remainder .6.
  assert.deepEqual([...apportion([43, 31, 26], 10, createRng(1))], [4, 3, 3])
  assert.deepEqual([...apportion([0, 0], 10, createRng(1))], [0, 0])
})

test('apportion sums to the total, stays within 1 of every exact share, and gives nothing for a weight of 0', () => {
  let ties = 0
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }), fc.nat(500), fc.nat(), (weights, total, seed) => {
      const sum = weights.reduce((a, b) => a + b, 0)
      fc.pre(sum > 0)
      const counts = apportion(weights, total, createRng(seed))
      assert.equal(
        counts.reduce((a, b) => a + b, 0),
        total,
      )
      for (const [i, count] of counts.entries()) {
        assert.ok(Math.abs(count - (weights[i]! / sum) * total) < 1)
        if (weights[i] === 0) assert.equal(count, 0)
      }
      if (new Set(weights).size < weights.length && new Set(counts).size > new Set(weights).size) ties++
    }),
  )
  assert.ok(ties > 5, `only ${ties} draws were decided by lot`)
})

test('equal remainders are decided by lot, not by position', () => {
  const won = [0, 0]
  for (let seed = 0; seed < 200; seed++)
    for (const [i, n] of apportion([1, 1], 1, createRng(seed)).entries()) won[i]! += n
  // Binomial(200, ½): 50 … 150 is over seven standard deviations wide.
  assert.ok(won[0]! > 50 && won[0]! < 150, String(won))
})

test('a stratified order is a permutation whose beginnings hold every class in proportion', () => {
  fc.assert(
    fc.property(labelsOf, labels => {
      const order = stratifiedOrder(labels, 'test')
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        [...labels.keys()],
      )
      const total = countLabels(labels, 5)
      const seen = [0, 0, 0, 0, 0]
      for (const [i, index] of order.entries()) {
        seen[labels[index]!]!++
        for (const [c, count] of seen.entries())
          assert.ok(Math.abs(count - ((i + 1) * total[c]!) / labels.length) <= 1 + 5 / 2)
      }
    }),
    { numRuns: 50 },
  )
})

test('the order of a split is fixed for ever: it depends on the labels and the name, not on the process', () => {
  const labels = Uint8Array.from({ length: 20 }, (_, i) => i % 2)
  assert.deepEqual(stratifiedOrder(labels, 'train'), stratifiedOrder(labels, 'train'))
  assert.notDeepEqual(stratifiedOrder(labels, 'train'), stratifiedOrder(labels, 'test'))
})

test('limit takes a beginning that grows, all without a count, and refuses more than there is', () => {
  const y = Uint8Array.from({ length: 30 }, (_, i) => Math.floor(i / 10))
  const examples = examplesOf(
    Float32Array.from({ length: 30 }, (_, i) => i),
    y,
    1,
    1,
  )
  assert.equal(limit(examples, undefined, 'train'), examples)
  const [six, nine] = [limit(examples, 6, 'train'), limit(examples, 9, 'train')]
  assert.deepEqual(countLabels(six.y, 3), [2, 2, 2])
  assert.deepEqual([...nine.x.subarray(0, 6)], [...six.x])
  for (const [i, value] of nine.x.entries()) assert.equal(nine.y[i], y[value])
  assert.throws(
    () => limit(examples, 31, 'test'),
    error =>
      error instanceof FedError &&
      error.code === 'data_invalid' &&
      /data\.test of at most 30.*got 31/.test(error.message),
  )
})

test('indicesByClass lists every index once, ascending, under its label', () => {
  fc.assert(
    fc.property(labelsOf, labels => {
      const groups = indicesByClass(labels)
      assert.deepEqual(
        groups.map(group => [...group]),
        Array.from({ length: Math.max(...labels) + 1 }, (_, c) => [...labels.keys()].filter(i => labels[i] === c)),
      )
    }),
  )
})
