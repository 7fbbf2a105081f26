import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { probeGroup } from '../../src/analysis/group.ts'
import { meanParams } from '../../src/analysis/mean.ts'
import { probeBarriers } from '../../src/analysis/probe.ts'
import { FedError } from '../../src/core/errors.ts'
import type { Params } from '../../src/core/layout.ts'
import { barrierRecordSchema } from '../../src/core/records.ts'
import { bumpy, half, layoutOfSizes, lossOnly, normalParams, recorded, squaredDistance } from './toys.ts'

const layout = layoutOfSizes([3, 4])
const common = { round: 2, layout, split: 'test', evaluate: bumpy } as const

function members(params: readonly Params[]) {
  return params.map((each, client) => ({ id: `client/${client}`, params: each }))
}

test('the mean is that of the values, rounded once: large values that cancel leave the small one', () => {
  const mean = meanParams([Float32Array.of(1e8, 1), Float32Array.of(1, 2), Float32Array.of(-1e8, 6)])
  assert.deepEqual([...mean], [Math.fround(1 / 3), 3])
})

test('one model, or equal ones, are their own mean', () => {
  const params = normalParams(50, 3)
  for (const count of [1, 3, 7]) assert.deepEqual(meanParams(Array.from({ length: count }, () => params)), params)
})

test('no model and different lengths are refused', () => {
  const code = (expected: string) => (error: unknown) => error instanceof FedError && error.code === expected
  assert.throws(() => meanParams([]), code('input_invalid'))
  assert.throws(() => meanParams([new Float32Array(2), new Float32Array(3)]), code('layout_mismatch'))
})

test('a quadratic bowl: the group barrier is minus half the mean squared distance from the mean', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(), async (count, seed) => {
      const models = Array.from({ length: count }, (_, i) => normalParams(layout.size, seed + i))
      const mean = models[0]!.map((_, i) => models.reduce((sum, model) => sum + model[i]!, 0) / count)
      const variance = models.reduce((sum, model) => sum + squaredDistance(model, mean), 0) / count
      const record = await probeGroup({ ...common, members: members(models), evaluate: lossOnly(half) })
      assert.ok(Math.abs(record.lossBarrier! + variance / 2) < 1e-5)
    }),
    { seed: 5, numRuns: 40 },
  )
})

test('the record holds the mean model and each member, in order', async () => {
  const models = [1, 2, 3].map(seed => normalParams(layout.size, seed))
  const { evaluate, calls } = recorded(bumpy)
  const record = await probeGroup({ ...common, members: members(models), evaluate })
  const each = await Promise.all(models.map(bumpy))
  const atMean = await bumpy(meanParams(models))
  assert.deepEqual(barrierRecordSchema.parse(record), record)
  assert.deepEqual(record, {
    round: 2,
    path: 'group',
    layer: null,
    layers: ['layer1', 'layer2'],
    order: null,
    base: null,
    between: ['client/0', 'client/1', 'client/2'],
    split: 'test',
    interpolation: [],
    loss: [atMean.loss],
    error: [1 - atMean.accuracy],
    endpointLoss: each.map(({ loss }) => loss),
    endpointError: each.map(({ accuracy }) => 1 - accuracy),
    lossBarrier: atMean.loss - (each[0]!.loss + each[1]!.loss + each[2]!.loss) / 3,
    errorBarrier: 1 - atMean.accuracy - each.reduce((sum, { accuracy }) => sum + (1 - accuracy), 0) / 3,
    distance: null,
    cosine: null,
  })
  assert.equal(calls.length, 4)
  for (const model of models) assert.ok(calls.includes(model), 'members are not copied')
})

test('the group of two is the full barrier', async () => {
  const models = members([normalParams(layout.size, 4), normalParams(layout.size, 5)])
  const group = await probeGroup({ ...common, members: models })
  const [full] = await probeBarriers({
    ...common,
    a: models[0]!,
    b: models[1]!,
    paths: [{ path: 'full', layer: null, layers: ['layer1', 'layer2'], order: null, base: null }],
    grid: [0, 0.5, 1],
  })
  assert.equal(group.lossBarrier, full!.lossBarrier)
  assert.equal(group.errorBarrier, full!.errorBarrier)
})

test('a group of one has no barrier; of none, no meaning', async () => {
  const alone = await probeGroup({ ...common, members: members([normalParams(layout.size, 6)]) })
  assert.deepEqual([alone.lossBarrier, alone.errorBarrier], [0, 0])
  await assert.rejects(probeGroup({ ...common, members: [] }), /at least one model/)
})

test('a member of another length is named', async () => {
  const wrong = [...members([normalParams(layout.size, 1)]), { id: 'client/9', params: new Float32Array(3) }]
  await assert.rejects(probeGroup({ ...common, members: wrong }), /7 parameters in client\/9, got 3/)
})

test('a member whose loss is not finite leaves no loss barrier, and its error counts', async () => {
  const models = [normalParams(layout.size, 1), normalParams(layout.size, 2)]
  const record = await probeGroup({
    ...common,
    members: members(models),
    evaluate: async params => ({ loss: params === models[0] ? Number.NaN : 1, accuracy: 0.5 }),
  })
  assert.deepEqual([record.endpointLoss, record.lossBarrier, record.errorBarrier], [[null, 1], null, 0])
})

test('an aborted probe stops between evaluations', async () => {
  const stop = new AbortController()
  const { evaluate, calls } = recorded(async params => {
    stop.abort(new FedError('interrupted'))
    return bumpy(params)
  })
  const models = members([normalParams(layout.size, 1), normalParams(layout.size, 2)])
  await assert.rejects(probeGroup({ ...common, members: models, evaluate, signal: stop.signal }), /interrupted/)
  assert.equal(calls.length, 1)
})
