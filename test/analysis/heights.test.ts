import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { kindsOf, worstLayer } from '../../src/analysis/barrier-kinds.ts'
import { ERROR_AT_MIDPOINT, heightsOf, LOSS_AT_MIDPOINT, lastRound, placeOf } from '../../src/analysis/heights.ts'
import type { BarrierRecord } from '../../src/core/records.ts'

/** An error barrier of `height`, the loss ten times as much, with ends at 0. */
function barrier(height: number | null, more: Partial<BarrierRecord> = {}): BarrierRecord {
  const loss = height === null ? null : 10 * height
  return {
    ...{ round: 1, path: 'full', layer: null, layers: ['fc1', 'fc2'], order: null, base: null, split: 'test' },
    ...{ between: ['client/0', 'client/1'], interpolation: [0, 0.5, 1], error: [0, height, 0], loss: [0, loss, 0] },
    ...{ endpointError: [0, 0], endpointLoss: [0, 0], errorBarrier: height, lossBarrier: loss },
    ...{ distance: null, cosine: null },
    ...more,
  }
}

const layer = (height: number | null, base: 1 | 2, more: Partial<BarrierRecord> = {}) =>
  barrier(height, { path: 'layer', layer: 'fc1', layers: ['fc1'], base, ...more })

const to = (end: string) => ({ between: ['client/0', end] })
const shown = (records: readonly BarrierRecord[]) =>
  heightsOf(records, ERROR_AT_MIDPOINT).map(({ compared, split, value, pairs, probe }) => [compared, split, value, pairs, probe]) // biome-ignore format: one line

describe('the height of a barrier', () => {
  test('between clients, to the global model, to the beginning and of the group are four numbers, none a mean of two', () => {
    const group = barrier(0.5, { path: 'group', between: ['client/0', 'client/1'] })
    const records = [barrier(0.25), barrier(-0.125, to('init')), barrier(0.0625, to('global')), group]
    assert.deepEqual(shown([...records, barrier(0.75, { between: ['client/2', 'client/3'] })]), [
      ['clients', 'test', 0.5, 2, null],
      ['init', 'test', -0.125, 1, null],
      ['global', 'test', 0.0625, 1, null],
      ['group', 'test', 0.5, 1, null],
    ])
    assert.equal(heightsOf(records, LOSS_AT_MIDPOINT)[0]!.value, 2.5)
  })

  test('joins both bases in a pair, and then the pairs', () => {
    const second = { between: ['client/2', 'client/3'] }
    const records = [layer(0.5, 1), layer(0, 2), layer(-0.25, 1, second), layer(0.25, 2, second)]
    const value = (base: '1' | '2' | 'mean' | 'max') => heightsOf(records, { ...ERROR_AT_MIDPOINT, base })[0]!.value
    assert.deepEqual([value('mean'), value('max'), value('1'), value('2')], [0.125, 0.375, 0.125, 0.125])
  })

  test('is null where one that it is made of is, and still says of how many', () => {
    assert.deepEqual(shown([barrier(0.5), barrier(null, { between: ['client/2', 'client/3'] })]), [
      ['clients', 'test', null, 2, null],
    ])
  })

  test('is of its own path, layers, order, split and round', () => {
    const others: Partial<BarrierRecord>[] = [
      ...[{ round: 2 }, { split: 'train' as const }, { path: 'window' as const, layer: 'fc1', layers: ['fc1'] }],
      ...[
        { path: 'window' as const, layer: 'fc1' },
        { path: 'layers' as const, layers: ['fc2'] },
        { path: 'layers' as const },
      ],
      ...(['deep', 'shallow'] as const).map(order => ({ path: 'cumulative' as const, order, layer: 'fc1' })),
    ]
    const heights = heightsOf([barrier(0.5), ...others.map(more => barrier(0.25, more))], ERROR_AT_MIDPOINT)
    assert.equal(heights.length, 1 + others.length)
    assert.equal(new Set(heights.map(placeOf)).size, heights.length)
  })
})

describe('what a probe measured afterwards', () => {
  const again = barrier(0.5, { probe: 1, interpolation: [0, 0.25, 0.5, 0.75, 1], error: [0, 1, 0.5, 1, 0] })
  const more = barrier(0.75, { probe: 1, between: ['client/4', 'client/5'] })

  test('changes no number of the run: neither other pairs, nor the same ones again, on whatever grid', () => {
    const own = [barrier(0.25), barrier(0.5, { between: ['client/2', 'client/3'] })]
    assert.deepEqual(shown([...own, again, more]), shown(own))
    const heights = (records: BarrierRecord[]) => heightsOf(records, { ...ERROR_AT_MIDPOINT, height: 'max-linear' })
    assert.deepEqual(heights([...own, again, more]), heights(own))
  })

  test('is shown where the run measured nothing: that of the probe which was stored first, and no other’s', () => {
    const later = barrier(0.125, { probe: 2, between: ['client/4', 'client/5'] })
    const train = barrier(0.0625, { probe: 3, split: 'train' })
    assert.deepEqual(shown([again, later, train, more]), [
      ['clients', 'test', 0.625, 2, 1],
      ['clients', 'train', 0.0625, 1, 3],
    ])
    assert.deepEqual(shown([later, again]), [['clients', 'test', 0.125, 1, 2]])
  })

  test('property: whatever probes add, in whatever order, places of the run keep their numbers in every bit', () => {
    const any = fc.record({
      height: fc.oneof(fc.constant(null), fc.double({ min: -1, max: 1, noNaN: true })),
      round: fc.integer({ min: 1, max: 2 }),
      split: fc.constantFrom('test' as const, 'train' as const),
      between: fc.constantFrom<string[]>(['client/0', 'client/1'], ['client/2', 'client/3'], ['client/0', 'init'], ['client/1', 'init'], ['client/0', 'global']), // biome-ignore format: one line
      probe: fc.integer({ min: 1, max: 3 }),
    })
    let [kept, filled] = [0, 0]
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), fc.array(any, { maxLength: 12 }), (mine, probed) => {
        const own = mine.map(({ height, probe: _, ...more }) => barrier(height, more))
        const later = probed.map(({ height, ...more }) => barrier(height, more))
        const before = new Map(heightsOf(own, LOSS_AT_MIDPOINT).map(height => [placeOf(height), height]))
        for (const height of heightsOf([...own, ...later], LOSS_AT_MIDPOINT)) {
          const had = before.get(placeOf(height))
          if (had) assert.deepEqual(height, had)
          else assert.ok(height.probe !== null)
          if (had && later.some(record => record.round === had.round && record.split === had.split)) kept++
          if (!had) filled++
        }
      }),
    )
    assert.ok(kept > 50 && filled > 50, `${kept} kept, ${filled} filled`)
  })
})

describe('which barriers a table shows first', () => {
  const kinds = (...records: BarrierRecord[]) =>
    kindsOf(heightsOf(records, ERROR_AT_MIDPOINT)).map(({ compared, split }) => `${compared} ${split}`)

  test('between clients and on the test set, as far as there are such', () => {
    assert.deepEqual(kinds(barrier(0.5, to('init')), barrier(0.5, to('global'))), ['global test', 'init test'])
    assert.deepEqual(kinds(barrier(0.5, { split: 'train' }), barrier(0.5, to('init')), barrier(0.5)), [
      'clients test',
      'init test',
    ])
    assert.deepEqual(kinds(barrier(0.5, { path: 'window', layer: 'fc1' })), [])
  })

  test('those of the run before those of probes, so that none changes what is in a column', () => {
    const own = [barrier(0.5, { ...to('init'), split: 'train' })]
    const probed = [barrier(0.25, { ...to('init'), probe: 1 }), barrier(0.125, { probe: 1 })]
    assert.deepEqual(kinds(...own, ...probed), ['init train', 'clients test'])
  })

  test('the last round is the run’s own last one; the worst layer is one that is not finite', () => {
    const at = (round: number, probe: number | null) => ({ round, probe })
    assert.equal(lastRound([at(3, 1), at(2, null), at(1, null)]), 2)
    assert.equal(lastRound([at(3, 1), at(2, 1)]), 3)
    assert.equal(lastRound([]), null)
    const fc2 = { layer: 'fc2', layers: ['fc2'] }
    const worst = (height: number | null) =>
      worstLayer(heightsOf([barrier(0.9), layer(0.25, 1), layer(height, 1, fc2)], ERROR_AT_MIDPOINT))?.layer
    assert.deepEqual([worst(0.125), worst(0.5), worst(null)], ['fc1', 'fc2', 'fc2'])
  })
})
