import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { layerDrift } from '../../src/analysis/layer-drift.ts'
import { meanParams } from '../../src/analysis/mean.ts'
import { meanPairwiseCosine } from '../../src/analysis/pairwise-cosine.ts'
import type { Params } from '../../src/core/layout.ts'
import { layoutOfSizes, normalParams } from './toys.ts'

const layout = layoutOfSizes([2, 1])
const zero = new Float32Array(3)

function members(params: readonly Params[]) {
  return params.map((each, client) => ({ client, params: each }))
}

/** The textbook cosine of two updates over [start, end), null without a direction. */
function cosine(global: Params, a: Params, b: Params, start: number, end: number): number | null {
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
  const drift = layerDrift(layout, global, members([first, second]), Float32Array.of(1, 3, 1))
  // updates (3, 4 | 0) and (0, 5 | 2), mean update (0, 2 | 0)
  assert.deepEqual(drift, [
    { layer: 'layer1', client: 0, l2: 5, cosine: 0.8 },
    { layer: 'layer2', client: 0, l2: 0, cosine: null },
    { layer: null, client: 0, l2: 5, cosine: 0.8 },
    { layer: 'layer1', client: 1, l2: 5, cosine: 1 },
    { layer: 'layer2', client: 1, l2: 2, cosine: null },
    { layer: null, client: 1, l2: Math.sqrt(29), cosine: 10 / (Math.sqrt(29) * 2) },
  ])
})

test('one client alone moves as the cohort does; two opposite ones have no mean direction', () => {
  const update = normalParams(3, 1)
  for (const { cosine } of layerDrift(layout, zero, members([update]), update)) near(cosine, 1)
  const opposite = [update, update.map(value => -value)]
  for (const { cosine } of layerDrift(layout, zero, members(opposite), meanParams(opposite))) assert.equal(cosine, null)
  for (const { cosine } of meanPairwiseCosine(layout, zero, members(opposite))) near(cosine, -1)
})

test('a cosine never leaves [−1, 1] by rounding', () => {
  const wide = layoutOfSizes([300])
  for (let seed = 0; seed < 50; seed++) {
    const update = normalParams(300, seed)
    const tripled = update.map(value => 3 * value)
    const drift = layerDrift(wide, new Float32Array(300), members([tripled]), update)
    const pair = meanPairwiseCosine(wide, new Float32Array(300), members([update, tripled]))
    for (const { cosine } of [...drift, ...pair]) assert.ok(cosine! <= 1 && cosine! > 0.999999)
  }
})

test('tiny and huge updates keep their direction', () => {
  const updates = [Float32Array.of(1e-40, 1e-40, 0), Float32Array.of(3e38, 3e38, 0)]
  const [drift] = layerDrift(layout, zero, members(updates), updates[1]!)
  near(drift!.cosine, 1)
  near(meanPairwiseCosine(layout, zero, members(updates))[0]!.cosine, 1)
})

test('mean cosine of pairs by hand: right angles 0, and three in a plane at 120° −½', () => {
  const axes = [Float32Array.of(1, 0, 0), Float32Array.of(0, 7, 0)]
  assert.deepEqual(meanPairwiseCosine(layout, zero, members(axes)), [
    { layer: 'layer1', cosine: 0 },
    { layer: 'layer2', cosine: null },
    { layer: null, cosine: 0 },
  ])
  const star = [0, 1, 2].map(i => Float32Array.of(Math.cos((i * 2 * Math.PI) / 3), Math.sin((i * 2 * Math.PI) / 3), 0))
  assert.ok(Math.abs(meanPairwiseCosine(layout, zero, members(star))[0]!.cosine! + 0.5) < 1e-7)
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
        const mean = normalParams(random.size, seed + 100)
        const drift = layerDrift(random, global, members(models), mean)
        const pairwise = meanPairwiseCosine(random, global, members(models))
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
  const wrong = [{ client: 6, params: new Float32Array(2) }]
  assert.throws(() => layerDrift(layout, zero, wrong, zero), /3 parameters in client 6, got 2/)
  assert.throws(() => layerDrift(layout, zero, [], new Float32Array(1)), /the mean model, got 1/)
  assert.throws(() => meanPairwiseCosine(layout, zero, wrong), /3 parameters in client 6, got 2/)
})
