import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cohortDrift } from '../../src/analysis/drift.ts'
import { cohortSums } from '../../src/compute/cohort-sums.ts'
import { plainSums } from '../../src/core/cohort-sums.ts'
import type { Params } from '../../src/core/layout.ts'
import { layoutOfSizes, normalParams, withStatistics } from './toys.ts'

const layout = layoutOfSizes([2, 1])
const zero = new Float32Array(3)

function members(params: readonly Params[], weights: readonly number[] = []) {
  return params.map((each, client) => ({ client, params: each, weight: weights[client] ?? 1 }))
}

/** The textbook cosine of two updates over [start, end), null without a direction. */
function cosine(global: Params, a: ArrayLike<number>, b: ArrayLike<number>, start: number, end: number): number | null {
  let [dot, squaredA, squaredB] = [0, 0, 0]
  for (let i = start; i < end; i++) {
    dot += (a[i]! - global[i]!) * (b[i]! - global[i]!)
    squaredA += (a[i]! - global[i]!) ** 2
    squaredB += (b[i]! - global[i]!) ** 2
  }
  return squaredA === 0 || squaredB === 0 ? null : dot / Math.sqrt(squaredA) / Math.sqrt(squaredB)
}

function near(actual: number | null, expected: number | null): void {
  if (actual === null || expected === null) assert.equal(actual, expected)
  else assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, expected ${expected}`)
}

test('length of the update and its cosine with the mean update, by hand', () => {
  const global = Float32Array.of(1, 1, 1)
  const [first, second] = [Float32Array.of(4, 5, 1), Float32Array.of(1, 6, 3)]
  const drift = cohortDrift(layout, global, members([first, second], [2, 6]))
  // updates (3, 4 | 0) and (0, 5 | 2), mean update with shares ¼ and ¾ (0.75, 4.75 | 1.5)
  const [mean1, mean] = [Math.hypot(0.75, 4.75), Math.hypot(0.75, 4.75, 1.5)]
  const expected = [
    { layer: 'layer1', client: 0, l2: 5, cosine: (3 * 0.75 + 4 * 4.75) / (5 * mean1) },
    { layer: 'layer2', client: 0, l2: 0, cosine: null },
    { layer: null, client: 0, l2: 5, cosine: (3 * 0.75 + 4 * 4.75) / (5 * mean) },
    { layer: 'layer1', client: 1, l2: 5, cosine: (5 * 4.75) / (5 * mean1) },
    { layer: 'layer2', client: 1, l2: 2, cosine: 1 },
    { layer: null, client: 1, l2: Math.sqrt(29), cosine: (5 * 4.75 + 2 * 1.5) / (Math.sqrt(29) * mean) },
  ]
  for (const [i, { cosine, ...rest }] of drift.clients.entries()) {
    near(cosine, expected[i]!.cosine)
    assert.deepEqual(rest, { layer: expected[i]!.layer, client: expected[i]!.client, l2: expected[i]!.l2 })
  }
  assert.equal(drift.clients.length, expected.length)
})

test('one client alone moves as the cohort does; two opposite ones have no mean direction', () => {
  const update = normalParams(3, 1)
  for (const { cosine } of cohortDrift(layout, zero, members([update])).clients) near(cosine, 1)
  const opposite = cohortDrift(layout, zero, members([update, update.map(value => -value)]))
  for (const { cosine } of opposite.clients) assert.equal(cosine, null)
  for (const { cosine } of opposite.between) near(cosine, -1)
})

test('a cosine never leaves [−1, 1] by rounding', () => {
  const wide = layoutOfSizes([300])
  for (let seed = 0; seed < 50; seed++) {
    const update = normalParams(300, seed)
    const { clients, between } = cohortDrift(
      wide,
      new Float32Array(300),
      members([update, update.map(value => 3 * value)]),
    )
    for (const { cosine } of [...clients, ...between]) assert.ok(cosine! <= 1 && cosine! > 0.999999)
  }
})

test('tiny and huge updates keep their direction', () => {
  const updates = [Float32Array.of(1e-40, 1e-40, 0), Float32Array.of(3e38, 3e38, 0)]
  const { clients, between } = cohortDrift(layout, zero, members(updates))
  near(clients[0]!.cosine, 1)
  near(between[0]!.cosine, 1)
})

test('mean cosine of pairs by hand: right angles 0, and three in a plane at 120° −½', () => {
  const axes = [Float32Array.of(1, 0, 0), Float32Array.of(0, 7, 0)]
  assert.deepEqual(cohortDrift(layout, zero, members(axes)).between, [
    { layer: 'layer1', cosine: 0 },
    { layer: 'layer2', cosine: null },
    { layer: null, cosine: 0 },
  ])
  const star = [0, 1, 2].map(i => Float32Array.of(Math.cos((i * 2 * Math.PI) / 3), Math.sin((i * 2 * Math.PI) / 3), 0))
  assert.ok(Math.abs(cohortDrift(layout, zero, members(star)).between[0]!.cosine! + 0.5) < 1e-7)
})

test('layers larger than a tile are summed whole', () => {
  const large = layoutOfSizes([5000, 3000])
  const [a, b] = [normalParams(8000, 1), normalParams(8000, 2)]
  const { clients, between } = cohortDrift(large, new Float32Array(8000), members([a, b]))
  near(clients[0]!.l2, Math.sqrt(a.subarray(0, 5000).reduce((sum, value) => sum + value * value, 0)))
  near(between[1]!.cosine, cosine(new Float32Array(8000), a, b, 5000, 8000))
  near(between[2]!.cosine, cosine(new Float32Array(8000), a, b, 0, 8000))
})

test('both equal plain loops over blocks, clients and pairs', () => {
  const reached = { still: 0, moving: 0, noPair: 0 }
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 0, max: 5 }),
      fc.nat(),
      fc.nat(1023),
      (sizes, count, seed, stillMask) => {
        const random = layoutOfSizes(sizes)
        const global = normalParams(random.size, seed)
        const models = Array.from({ length: count }, (_, k) => normalParams(random.size, seed + 1 + k))
        models.forEach((model, k) => {
          if (stillMask & (1 << k)) model.set(global.subarray(0, sizes[0]))
        })
        const weights = models.map((_, k) => 1 + ((seed + k) % 5))
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const mean = Float64Array.from(global, (start, i) =>
          models.reduce((sum, model, k) => sum + (weights[k]! / total) * (model[i]! - start), start),
        )
        const { clients: drift, between: pairwise } = cohortDrift(random, global, members(models, weights))
        const spans = [...random.blocks.map(({ name, offset, size }) => [name, offset, offset + size] as const)]
        for (const [layer, start, end] of [...spans, [null, 0, random.size] as const]) {
          const cosines: number[] = []
          models.forEach((model, client) => {
            const row = drift.find(candidate => candidate.layer === layer && candidate.client === client)!
            near(row.cosine, cosine(global, model, mean, start, end))
            near(row.l2, Math.sqrt(model.slice(start, end).reduce((s, x, i) => s + (x - global[start + i]!) ** 2, 0)))
            if (row.l2 === 0) reached.still += 1
            else reached.moving += 1
            for (const other of models.slice(client + 1)) {
              const value = cosine(global, model, other, start, end)
              if (value !== null) cosines.push(value)
            }
          })
          const expected = cosines.length > 0 ? cosines.reduce((sum, value) => sum + value, 0) / cosines.length : null
          near(pairwise.find(candidate => candidate.layer === layer)!.cosine, expected)
          reached.noPair += Number(expected === null)
        }
        assert.equal(drift.length, count * (sizes.length + 1))
      },
    ),
    { seed: 13, numRuns: 150 },
  )
  assert.ok(
    Object.values(reached).every(times => times > 30),
    JSON.stringify(reached),
  )
})

test('another length is refused, and the client named', () => {
  const wrong = [{ client: 6, params: new Float32Array(2), weight: 1 }]
  assert.throws(() => cohortDrift(layout, zero, wrong), /3 parameters in client 6, got 2/)
  assert.throws(() => cohortDrift(layout, new Float32Array(1), []), /the global model, got 1/)
})

test('running statistics are no part of an update: lengths and cosines are those of the weights', () => {
  const plain = layoutOfSizes([3, 2])
  const { layout: normalized, statistics } = withStatistics(plain)
  const [global, a, b] = [1, 2, 3].map(seed => normalParams(plain.size, seed)) as [Params, Params, Params]
  const far = (params: Params, seed: number) =>
    statistics(
      params,
      normalParams(10, seed).map(value => 1e6 * value),
    )
  assert.deepEqual(
    cohortDrift(normalized, far(global, 4), members([far(a, 5), far(b, 6)])),
    cohortDrift(plain, global, members([a, b])),
  )
})

test('of updates up to the end of float32 the lengths are finite, and all is as of small ones', () => {
  const small = [normalParams(3, 5), normalParams(3, 6), normalParams(3, 7)]
  const scale = 2 ** 126
  const expected = cohortDrift(layout, zero, members(small))
  for (const sums of [plainSums, cohortSums()]) {
    const far = cohortDrift(layout, zero, members(small.map(each => each.map(value => value * scale))), sums)
    for (const [i, { l2, cosine }] of far.clients.entries()) {
      assert.ok(Math.abs(l2 / scale / expected.clients[i]!.l2 - 1) < 1e-12, `${l2}`)
      near(cosine, expected.clients[i]!.cosine)
    }
    for (const [i, { cosine }] of far.between.entries()) near(cosine, expected.between[i]!.cosine)
  }
})
