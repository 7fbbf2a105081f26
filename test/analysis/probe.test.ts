import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Evaluate } from '../../src/analysis/evaluation.ts'
import { interpolationGrid } from '../../src/analysis/interpolate.ts'
import type { PathSpec } from '../../src/analysis/paths/path.ts'
import { pathSpecs } from '../../src/analysis/paths/registry.ts'
import { probeBarriers } from '../../src/analysis/probe.ts'
import { scheduleProbe } from '../../src/analysis/schedule.ts'
import { FedError } from '../../src/core/errors.ts'
import type { LayerLayout, Params } from '../../src/core/layout.ts'
import { type BarrierRecord, barrierRecordSchema, CUMULATIVE_ORDERS } from '../../src/core/records.ts'
import { createRng } from '../../src/core/rng.ts'
import { oracleBarrier, oracleCloseness } from './oracle.ts'
import { bumpy, half, layoutOfSizes, lossOnly, normalParams, recorded, squaredDistance } from './toys.ts'

interface Probe {
  readonly layout: LayerLayout
  readonly a: Params
  readonly b: Params
  readonly evaluate: Evaluate
  readonly points?: number
  readonly paths?: readonly PathSpec[]
  readonly signal?: AbortSignal
}

function everyPath(layout: LayerLayout): readonly PathSpec[] {
  const groups = [layout.blocks.filter(({ index }) => index % 2 === 0).map(({ name }) => name)]
  const window = Math.min(2, layout.blocks.length)
  return pathSpecs(['full', 'layer', 'cumulative', 'layers', 'window'], layout, {
    orders: CUMULATIVE_ORDERS,
    rng: createRng(9),
    groups,
    window,
  })
}

function probe({ a, b, points = 3, paths, ...rest }: Probe): Promise<BarrierRecord[]> {
  return probeBarriers({
    round: 4,
    a: { id: 'client/3', params: a },
    b: { id: 'client/7', params: b },
    paths: paths ?? everyPath(rest.layout),
    grid: interpolationGrid(points),
    split: 'test',
    ...rest,
  })
}

function one(records: readonly BarrierRecord[], wanted: Partial<BarrierRecord>): BarrierRecord {
  const found = records.filter(record =>
    Object.entries(wanted).every(([key, value]) => record[key as 'path'] === value),
  )
  assert.equal(found.length, 1, JSON.stringify(wanted))
  return found[0]!
}

const layout = layoutOfSizes([3, 2, 4, 1])
const [a, b] = [normalParams(layout.size, 1), normalParams(layout.size, 2)]

test('a record says what was measured, and fits the schema that is stored and served', async () => {
  const records = await probe({ layout, a, b, evaluate: bumpy })
  assert.equal(records.length, 1 + 2 * 4 + 2 * 4 * 4 + 2 + 2 * 3)
  for (const record of records) assert.deepEqual(barrierRecordSchema.parse(record), record)
  const { path, layer, layers, order, base, between, split, round, interpolation } = records[3]!
  assert.deepEqual(
    { path, layer, layers, order, base, between, split, round, interpolation },
    {
      path: 'layer',
      layer: 'layer2',
      layers: ['layer2'],
      order: null,
      base: 1,
      between: ['client/3', 'client/7'],
      split: 'test',
      round: 4,
      interpolation: [0, 0.5, 1],
    },
  )
})

test('all layers: the last step of every order equals the full barrier on both bases, bit for bit', async () => {
  const records = await probe({ layout, a, b, evaluate: bumpy, points: 5 })
  const full = one(records, { path: 'full' })
  const last = records.filter(({ path, layers }) => path === 'cumulative' && layers.length === layout.blocks.length)
  assert.equal(last.length, 2 * CUMULATIVE_ORDERS.length)
  for (const { loss, error, lossBarrier, errorBarrier } of last)
    assert.deepEqual(
      { loss, error, lossBarrier, errorBarrier },
      { loss: full.loss, error: full.error, lossBarrier: full.lossBarrier, errorBarrier: full.errorBarrier },
    )
  assert.notEqual(full.lossBarrier, 0)
})

test('the first step of every order is the barrier of that layer', async () => {
  const records = await probe({ layout, a, b, evaluate: bumpy })
  const first = records.filter(({ path, layers }) => path === 'cumulative' && layers.length === 1)
  assert.equal(first.length, 2 * CUMULATIVE_ORDERS.length)
  for (const { layer, base, loss, lossBarrier } of first) {
    const single = one(records, { path: 'layer', layer, base })
    assert.deepEqual([loss, lossBarrier], [single.loss, single.lossBarrier])
  }
})

test('a window of one layer is its layer path, a window or a group of all layers the full path, bit for bit', async () => {
  const options = { orders: [], rng: createRng(9) }
  const records = await probe({
    layout,
    a,
    b,
    evaluate: bumpy,
    points: 11,
    paths: [
      ...pathSpecs(['full', 'layer'], layout, options),
      ...pathSpecs(['window'], layout, { ...options, window: 1 }),
      ...pathSpecs(['window', 'layers'], layout, { ...options, window: 4, groups: [['*'], ['layer2', 'layer4']] }),
    ],
  })
  const heights = ({ loss, error, lossBarrier, errorBarrier }: BarrierRecord) => [
    loss,
    error,
    lossBarrier,
    errorBarrier,
  ]
  const full = one(records, { path: 'full' })
  const ones = records.filter(({ path, layers }) => path === 'window' && layers.length === 1)
  const alls = records.filter(({ path, layers }) => path !== 'full' && layers.length === 4)
  assert.deepEqual([ones.length, alls.length], [8, 4])
  for (const record of ones)
    assert.deepEqual(heights(record), heights(one(records, { path: 'layer', layer: record.layer, base: record.base })))
  for (const record of alls) assert.deepEqual(heights(record), heights(full))
})

test('no layer: plus and minus half the gap between the endpoints, not 0', async () => {
  const none = ([1, 2] as const).map(
    (base): PathSpec => ({ path: 'cumulative', layer: null, layers: [], order: null, base }),
  )
  const values = [Float32Array.of(3), Float32Array.of(0.5)] as const
  const records = await probe({
    layout: layoutOfSizes([1]),
    a: values[0],
    b: values[1],
    paths: none,
    evaluate: async ([value]) => ({ loss: value!, accuracy: value! / 8 }),
  })
  assert.deepEqual(
    records.map(({ lossBarrier }) => lossBarrier),
    [1.25, -1.25],
  )
  assert.deepEqual(
    records.map(({ errorBarrier }) => errorBarrier),
    [-0.15625, 0.15625],
  )
})

test('a layer with the same bits in both models also shows half the gap', async () => {
  const frozen = b.slice()
  frozen.set(a.subarray(3, 5), 3)
  const records = await probe({ layout, a, b: frozen, evaluate: bumpy })
  const [lossA, lossB] = records[0]!.endpointLoss as [number, number]
  const height = (base: 1 | 2) => one(records, { path: 'layer', layer: 'layer2', base }).lossBarrier
  assert.equal(height(1), lossA - (lossA + lossB) / 2)
  assert.equal(height(2), lossB - (lossA + lossB) / 2)
})

test('a quadratic bowl: the midpoint lies ⅛|a − b|² below the mean of the ends; a dome: as much above', async () => {
  const eighth = squaredDistance(a, b) / 8
  const [bowl] = await probe({ layout, a, b, evaluate: lossOnly(half) })
  const [dome] = await probe({ layout, a, b, evaluate: lossOnly(params => -half(params)) })
  assert.ok(Math.abs(bowl!.lossBarrier! + eighth) < 1e-6 * eighth)
  assert.ok(Math.abs(dome!.lossBarrier! - eighth) < 1e-6 * eighth)
  assert.ok(Math.abs(bowl!.errorBarrier! + eighth) < 1e-6 * eighth)
})

test('separable losses: the barrier of a layer is its own ⅛|a − b|² and half the gap of the other layers', async () => {
  const records = await probe({ layout, a, b, evaluate: lossOnly(half) })
  for (const block of layout.blocks) {
    const part = (params: Params) => params.subarray(block.offset, block.offset + block.size)
    const bend = squaredDistance(part(a), part(b)) / 8
    const rest = half(a) - half(part(a)) - (half(b) - half(part(b)))
    for (const base of [1, 2] as const) {
      const { lossBarrier } = one(records, { path: 'layer', layer: block.name, base })
      assert.ok(Math.abs(lossBarrier! - (-bend + (base === 1 ? rest : -rest) / 2)) < 1e-6)
    }
  }
})

test('(1 − uv)², A = (3, ⅓), B = (1, 1): full midpoint 1/9, second layer into A 1.0', async () => {
  const records = await probe({
    layout: layoutOfSizes([1, 1]),
    a: Float32Array.of(3, 1 / 3),
    b: Float32Array.of(1, 1),
    evaluate: lossOnly(([u, v]) => (1 - u! * v!) ** 2),
  })
  const near = (actual: number | null, expected: number) => assert.ok(Math.abs(actual! - expected) < 1e-6, `${actual}`)
  near(one(records, { path: 'full' }).lossBarrier, 1 / 9)
  near(one(records, { path: 'layer', layer: 'layer2', base: 1 }).lossBarrier, 1)
  near(one(records, { path: 'layer', layer: 'layer1', base: 1 }).lossBarrier, 1 / 9) // (1 − 2/3)²
  near(one(records, { path: 'layer', layer: 'layer1', base: 2 }).lossBarrier, 1) // (1 − 2)²
  near(one(records, { path: 'layer', layer: 'layer2', base: 2 }).lossBarrier, 1 / 9)
})

test('(1 − uv)², A = (1, 1), B = (−1, −1): every midpoint, full and single, is 1', async () => {
  const records = await probe({
    layout: layoutOfSizes([1, 1]),
    a: Float32Array.of(1, 1),
    b: Float32Array.of(-1, -1),
    evaluate: lossOnly(([u, v]) => (1 - u! * v!) ** 2),
  })
  for (const { lossBarrier } of records) assert.equal(lossBarrier, 1)
})

test('every curve and height equals the plain-loop oracle, bit for bit', async () => {
  const reached = { equalBlocks: 0, oneLayer: 0, manyLayers: 0, fineGrid: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.constantFrom(3, 5, 11),
      fc.nat(15),
      async (sizes, seed, points, equalMask) => {
        const random = layoutOfSizes(sizes)
        const left = normalParams(random.size, seed)
        const right = normalParams(random.size, seed + 1)
        const equal = random.blocks.filter(({ index }) => equalMask & (1 << index))
        for (const { offset, size } of equal) right.set(left.subarray(offset, offset + size), offset)
        const ends = { a: { id: '1', params: left }, b: { id: '2', params: right } }
        const paths = everyPath(random)
        const grid = interpolationGrid(points)
        const { evaluate, calls } = recorded(bumpy)
        const records = await probeBarriers({
          round: 1,
          layout: random,
          ...ends,
          paths,
          grid,
          split: 'train',
          evaluate,
        })
        for (const [i, spec] of paths.entries()) {
          const oracle = await oracleBarrier({ layout: random, ...ends, grid, evaluate: bumpy }, spec)
          assert.deepEqual({ ...records[i], ...oracle }, records[i])
          const { distance, cosine } = oracleCloseness(random, left, right, spec.layers)
          assert.ok(Math.abs(records[i]!.distance! - distance) <= 1e-12 * distance)
          assert.ok(cosine === null ? records[i]!.cosine === null : Math.abs(records[i]!.cosine! - cosine) < 1e-12)
        }
        const schedule = scheduleProbe({ layout: random, a: left, b: right, paths, grid })
        assert.equal(calls.length, schedule.mixtures.length)
        const distinct = new Set(calls.map(params => Buffer.from(params.buffer, params.byteOffset).toString('hex')))
        assert.equal(distinct.size, calls.length, 'no model is evaluated twice')
        reached.equalBlocks += Number(equal.length > 0)
        reached.oneLayer += Number(sizes.length === 1)
        reached.manyLayers += Number(sizes.length > 2)
        reached.fineGrid += Number(points > 3)
      },
    ),
    { seed: 11, numRuns: 60 },
  )
  assert.ok(
    Object.values(reached).every(count => count > 5),
    JSON.stringify(reached),
  )
})

test('exchanging the two models exchanges the bases and turns the curves around', async () => {
  const forth = await probe({ layout, a, b, evaluate: bumpy, points: 5 })
  const back = await probe({ layout, a: b, b: a, evaluate: bumpy, points: 5 })
  for (const { path, layer, order, base, loss } of forth) {
    const mirrored = one(back, { path, layer, order, base: base && base === 1 ? 2 : base && 1 })
    assert.deepEqual(mirrored.loss.toReversed(), loss)
  }
})

test('evaluate is given the endpoints themselves, once, and a new vector for each other model', async () => {
  const { evaluate, calls } = recorded(bumpy)
  const before = [a.slice(), b.slice()]
  await probe({ layout, a, b, evaluate })
  assert.equal(calls.filter(params => params === a).length, 1)
  assert.equal(calls.filter(params => params === b).length, 1)
  assert.equal(new Set(calls.map(params => params.buffer)).size, calls.length)
  assert.deepEqual([a, b], before)
})

test('a loss that is not finite is null, with the heights that need it; the error is kept', async () => {
  const evaluate: Evaluate = async params => ({
    loss: params === a ? 1 : params === b ? 2 : Number.POSITIVE_INFINITY,
    accuracy: 0.5,
  })
  const [full] = await probe({ layout, a, b, evaluate })
  assert.deepEqual([full!.loss, full!.lossBarrier], [[1, null, 2], null])
  assert.deepEqual([full!.error, full!.errorBarrier], [[0.5, 0.5, 0.5], 0])
})

test('an aborted probe evaluates nothing further and rejects with the reason', async () => {
  const stop = new AbortController()
  const reason = new FedError('interrupted')
  let calls = 0
  const evaluate: Evaluate = async () => {
    calls += 1
    if (calls === 3) stop.abort(reason)
    return { loss: 0, accuracy: 0 }
  }
  await assert.rejects(probe({ layout, a, b, evaluate, signal: stop.signal }), error => error === reason)
  assert.equal(calls, 3)
})

test('what evaluate throws is passed on', async () => {
  const failure = new FedError('compute_failed')
  const evaluate: Evaluate = async () => {
    throw failure
  }
  await assert.rejects(probe({ layout, a, b, evaluate }), error => error === failure)
})
