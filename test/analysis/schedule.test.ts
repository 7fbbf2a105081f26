import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interpolationGrid } from '../../src/analysis/interpolate.ts'
import type { CumulativeOrder, PathSpec } from '../../src/analysis/paths/path.ts'
import { pathSpecs } from '../../src/analysis/paths/registry.ts'
import { scheduleProbe } from '../../src/analysis/schedule.ts'
import { createRng } from '../../src/core/rng.ts'
import { layoutOfSizes, normalParams } from './toys.ts'

const LAYERS = 5
const layout = layoutOfSizes(Array.from({ length: LAYERS }, () => 2))
const [a, b] = [normalParams(layout.size, 1), normalParams(layout.size, 2)]

function evaluations(kinds: readonly PathSpec['path'][], points = 3, orders: readonly CumulativeOrder[] = ['shallow']) {
  const paths = pathSpecs(kinds, layout, { orders, rng: createRng(1) })
  return scheduleProbe({ layout, a, b, paths, grid: interpolationGrid(points) }).mixtures.length
}

test('no model is evaluated twice: the counts are those of distinct models', () => {
  const L = LAYERS
  assert.equal(evaluations([]), 2, 'the endpoints')
  for (const n of [3, 5, 11]) {
    assert.equal(evaluations(['full'], n), n)
    // Of each layer path one end is an endpoint; the n − 1 other points are its own.
    assert.equal(evaluations(['layer'], n), 2 + 2 * L * (n - 1))
    assert.equal(evaluations(['full', 'layer'], n), n + 2 * L * (n - 1))
  }
  // The first step is a layer path, the last the full path; the L − 2 between have 2 midpoints and 2 far ends each.
  // The far end of step L − 1 into one model is the far end of the last layer's path into the other.
  assert.equal(evaluations(['full', 'layer', 'cumulative']), 3 + 4 * L + 4 * (L - 2) - 2)
  // Deep from one base ends where shallow from the other does; only the midpoints of L − 2 steps are new.
  assert.equal(
    evaluations(['full', 'layer', 'cumulative'], 3, ['shallow', 'deep']),
    evaluations(['full', 'layer', 'cumulative']) + 2 * (L - 2),
  )
  // On at most ten layers this is the shallow order by another name.
  assert.equal(
    evaluations(['full', 'layer', 'cumulative'], 3, ['shallow', 'minimal']),
    evaluations(['full', 'layer', 'cumulative']),
  )
})

test('with two layers, swapping the first into one model is swapping the second into the other', () => {
  const two = layoutOfSizes([2, 2])
  const paths = pathSpecs(['layer'], two, { orders: [], rng: createRng(1) })
  const schedule = scheduleProbe({ layout: two, a: a.slice(0, 4), b: b.slice(0, 4), paths, grid: [0, 0.5, 1] })
  assert.equal(schedule.mixtures.length, 2 + 2 + 4)
})

test('a layer with the same bits in both models costs nothing', () => {
  const paths = pathSpecs(['full', 'layer'], layout, { orders: [], rng: createRng(1) })
  const shared = b.slice()
  shared.set(a.subarray(2, 4), 2)
  const schedule = scheduleProbe({ layout, a, b: shared, paths, grid: [0, 0.5, 1] })
  assert.equal(schedule.mixtures.length, 3 + 4 * (LAYERS - 1))
  assert.equal(scheduleProbe({ layout, a, b: a.slice(), paths, grid: [0, 0.5, 1] }).mixtures.length, 1)
  const negative = a.slice()
  const zero = a.slice()
  zero[3] = 0
  negative[3] = -0
  assert.equal(scheduleProbe({ layout, a: zero, b: negative, paths: [], grid: [0.5] }).mixtures.length, 2)
})

test('the order walks the tree of shared prefixes: no prefix is left and entered again', () => {
  const paths = pathSpecs(['full', 'layer', 'cumulative'], layout, {
    orders: ['shallow', 'deep', 'random'],
    rng: createRng(2),
  })
  const { mixtures } = scheduleProbe({ layout, a, b, paths, grid: interpolationGrid(3) })
  for (let depth = 1; depth <= LAYERS; depth++) {
    const prefixes = mixtures.map(mixture => mixture.slice(0, depth).join(' '))
    const runs = prefixes.filter((prefix, i) => prefix !== prefixes[i - 1])
    assert.equal(runs.length, new Set(prefixes).size, `depth ${depth}`)
  }
  assert.deepEqual(mixtures[0], [0, 0, 0, 0, 0])
})

test('another length and a grid without ½ or outside [0, 1] are refused', () => {
  const paths = pathSpecs(['full'], layout, { orders: [], rng: createRng(1) })
  assert.throws(
    () => scheduleProbe({ layout, a, b: b.slice(1), paths, grid: [0, 0.5, 1] }),
    /expected 10 parameters in model 2, got 9/,
  )
  assert.throws(() => scheduleProbe({ layout, a, b, paths, grid: [0, 1] }), /a.* grid with 0.5, got 0, 1/)
  assert.throws(() => scheduleProbe({ layout, a, b, paths, grid: [0, 0.5, 2] }), /in \[0, 1\], got 2/)
  const unknown: PathSpec = { path: 'layer', layer: 'x', layers: ['x'], order: null, base: 1 }
  assert.throws(() => scheduleProbe({ layout, a, b, paths: [unknown], grid: [0.5] }), /got x/)
})
