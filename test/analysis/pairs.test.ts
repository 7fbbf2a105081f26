import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chooseClients, choosePairs } from '../../src/analysis/pairs.ts'
import { createRng, shuffle } from '../../src/core/rng.ts'

const cohort = fc.uniqueArray(fc.nat(1000), { maxLength: 12 })

test('pairs are distinct, of two clients of the cohort, ascending, and as many as asked for or possible', () => {
  const reached = { all: 0, some: 0, none: 0 }
  fc.assert(
    fc.property(cohort, fc.integer({ min: 1, max: 40 }), fc.nat(), (clients, wanted, seed) => {
      const pairs = choosePairs(clients, wanted, createRng(seed))
      const possible = Math.max(0, (clients.length * (clients.length - 1)) / 2)
      assert.equal(pairs.length, Math.min(wanted, possible))
      assert.equal(new Set(pairs.map(String)).size, pairs.length)
      for (const [a, b] of pairs) assert.ok(a < b && clients.includes(a) && clients.includes(b))
      assert.deepEqual(
        pairs,
        pairs.toSorted(([a, b], [c, d]) => a - c || b - d),
      )
      const again = choosePairs(shuffle(createRng(seed + 1), [...clients]), wanted, createRng(seed))
      assert.deepEqual(again, pairs, 'the order of the cohort does not matter')
      if (possible === 0) reached.none += 1
      else if (wanted >= possible) reached.all += 1
      else reached.some += 1
    }),
    { seed: 3, numRuns: 300 },
  )
  assert.ok(
    Object.values(reached).every(count => count > 10),
    JSON.stringify(reached),
  )
})

test('every pair has the same chance', () => {
  const counts = new Map<string, number>()
  for (let seed = 0; seed < 2000; seed++)
    for (const pair of choosePairs([2, 5, 7, 11], 2, createRng(seed)))
      counts.set(String(pair), (counts.get(String(pair)) ?? 0) + 1)
  // Each of 6 pairs is in a third of 2000 draws of 2: 667, standard deviation 21; 5 of them either way.
  assert.equal(counts.size, 6)
  for (const [pair, count] of counts) assert.ok(Math.abs(count - 2000 / 3) < 105, `${pair}: ${count}`)
})

test('a large cohort is no trouble, and the last pair can be drawn', () => {
  const clients = Array.from({ length: 50_000 }, (_, i) => i)
  assert.equal(choosePairs(clients, 100, createRng(1)).length, 100)
  const all = choosePairs(clients.slice(0, 200), 1e9, createRng(1))
  assert.equal(all.length, 19_900)
  assert.deepEqual(
    [all[0], all.at(-1)],
    [
      [0, 1],
      [198, 199],
    ],
  )
})

test('a client named twice is one client', () => {
  assert.deepEqual(choosePairs([4, 4], 3, createRng(1)), [])
  assert.deepEqual(choosePairs([4, 9, 4], 3, createRng(1)), [[4, 9]])
})

test('clients to pair with the global model: distinct, ascending, seeded', () => {
  fc.assert(
    fc.property(cohort, fc.integer({ min: 1, max: 14 }), fc.nat(), (clients, wanted, seed) => {
      const chosen = chooseClients(clients, wanted, createRng(seed))
      assert.equal(chosen.length, Math.min(wanted, clients.length))
      assert.deepEqual(
        chosen,
        [...new Set(chosen)].sort((a, b) => a - b),
      )
      assert.ok(chosen.every(client => clients.includes(client)))
      assert.deepEqual(chooseClients(clients.toReversed(), wanted, createRng(seed)), chosen)
    }),
    { seed: 4 },
  )
})
