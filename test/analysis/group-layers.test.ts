import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneByOne } from '../../src/analysis/evaluation.ts'
import { probeGroup } from '../../src/analysis/group.ts'
import { probeGroupLayers } from '../../src/analysis/group-layers.ts'
import { barrierRecordSchema } from '../../src/core/records.ts'
import { bumpy, half, layoutOfSizes, lossOnly, normalParams, recorded } from './toys.ts'

const layout = layoutOfSizes([3, 2, 4])
const members = [1, 2, 3].map(seed => ({ id: `client/${seed}`, params: normalParams(layout.size, seed) }))
const on = { round: 2, layout, members, split: 'test' as const }

test('each layer’s record is the mean over the members of the member with that layer at the mean, as by plain loops', async () => {
  const records = await probeGroupLayers({ ...on, evaluateFamily: oneByOne(bumpy) })
  assert.deepEqual(
    records.map(({ path, layer, layers, between }) => [path, layer, layers.join(), between.length]),
    layout.blocks.map(({ name }) => ['group', name, name, 3]),
  )
  const alone = await Promise.all(members.map(({ params }) => bumpy(params)))
  for (const [b, record] of records.entries()) {
    assert.deepEqual(barrierRecordSchema.parse(record), record)
    const { offset, size } = layout.blocks[b]!
    let [loss, error] = [0, 0]
    for (const { params } of members) {
      const mixed = params.slice()
      for (let i = offset; i < offset + size; i++)
        mixed[i] = (members[0]!.params[i]! + members[1]!.params[i]! + members[2]!.params[i]!) / 3
      const evaluation = await bumpy(mixed)
      loss += evaluation.loss / 3
      error += (1 - evaluation.accuracy) / 3
    }
    const near = (actual: number | null, expected: number) =>
      assert.ok(Math.abs(actual! - expected) < 1e-9, `${actual}`)
    near(record.loss[0]!, loss)
    near(record.error[0]!, error)
    near(record.lossBarrier, loss - alone.reduce((sum, each) => sum + each.loss / 3, 0))
    assert.deepEqual(
      record.endpointLoss,
      alone.map(each => each.loss),
    )
  }
})

test('for a loss that is a sum over layers, the layers’ barriers sum up to the group’s', async () => {
  const evaluate = lossOnly(half)
  const layers = await probeGroupLayers({ ...on, evaluateFamily: oneByOne(evaluate) })
  const { lossBarrier } = await probeGroup({ ...on, evaluate })
  const sum = layers.reduce((total, record) => total + record.lossBarrier!, 0)
  assert.ok(Math.abs(sum - lossBarrier!) < 1e-5 && lossBarrier! < -0.1)
})

test('a network of one layer, and a cohort of one: the group barrier, and 0', async () => {
  const single = layoutOfSizes([4])
  const three = [1, 2, 3].map(seed => ({ id: `${seed}`, params: normalParams(4, seed) }))
  const request = { ...on, layout: single, members: three }
  const [layer] = await probeGroupLayers({ ...request, evaluateFamily: oneByOne(bumpy) })
  assert.ok(Math.abs(layer!.lossBarrier! - (await probeGroup({ ...request, evaluate: bumpy })).lossBarrier!) < 1e-12)
  const alone = await probeGroupLayers({ ...request, members: three.slice(0, 1), evaluateFamily: oneByOne(bumpy) })
  assert.deepEqual(
    alone.map(({ lossBarrier }) => lossBarrier),
    [0],
  )
})

test('a block that all members share costs no version of its own: K (L + 1) models, and a broken one makes null', async () => {
  const { evaluate, calls } = recorded(lossOnly(params => (params[0] === members[1]!.params[0] ? Number.NaN : 1)))
  const [first, second] = await probeGroupLayers({ ...on, evaluateFamily: oneByOne(evaluate) })
  assert.equal(calls.length, 3 * 4)
  assert.deepEqual([first!.loss, first!.lossBarrier], [[1], null]) // its endpoint is broken, its mix is not
  assert.deepEqual(second!.loss, [null])
  await assert.rejects(probeGroupLayers({ ...on, members: [], evaluateFamily: oneByOne(evaluate) }), {
    code: 'input_invalid',
  })
})
