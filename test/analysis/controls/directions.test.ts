import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curvatures } from '../../../src/analysis/controls/curvature.ts'
import { modelDistances } from '../../../src/analysis/controls/distances.ts'
import { randomDirections } from '../../../src/analysis/controls/random-direction.ts'
import { oneByOne } from '../../../src/analysis/evaluation.ts'
import { pathSpecs } from '../../../src/analysis/paths/registry.ts'
import type { Params } from '../../../src/core/layout.ts'
import { createRng } from '../../../src/core/rng.ts'
import { half, layoutOfSizes, lossOnly, normalParams, recorded, squaredDistance, withStatistics } from '../toys.ts'

const layout = layoutOfSizes([3, 2, 4])
const [a, b] = [normalParams(layout.size, 1), normalParams(layout.size, 2)]
const near = (actual: number | null | undefined, expected: number, tolerance = 1e-5) =>
  assert.ok(Math.abs(actual! - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} for ${expected}`)
const part = (params: Params, b: number) =>
  params.subarray(layout.blocks[b]!.offset, layout.blocks[b]!.offset + layout.blocks[b]!.size)

test('a random direction goes as far as the averaging direction, in its own layers only, and all draws are different', async () => {
  const { evaluate, calls } = recorded(lossOnly(half))
  const draws = 4
  const results = await randomDirections({
    layout,
    base: a,
    other: b,
    draws,
    rng: createRng(3),
    evaluateFamily: oneByOne(evaluate),
  })
  assert.deepEqual(
    results.map(({ layer }) => layer),
    ['layer1', 'layer2', 'layer3', null],
  )
  assert.equal(calls.length, 1 + 4 * 2 * (1 + draws))
  for (const [g, { layer, distance }] of results.entries()) {
    const mine = calls.slice(1 + g * 2 * (1 + draws), 1 + (g + 1) * 2 * (1 + draws))
    near(distance, Math.sqrt(layer === null ? squaredDistance(a, b) : squaredDistance(part(a, g), part(b, g))))
    for (const [i, params] of mine.entries()) near(Math.sqrt(squaredDistance(params, a)), distance * (i % 2 ? 1 : 0.5))
    for (const params of mine)
      for (const block of layout.blocks)
        if (layer !== null && block.name !== layer) assert.deepEqual(part(params, block.index), part(a, block.index))
    assert.equal(new Set(mine.map(String)).size, mine.length)
  }
})

test('raw values at 0, ½ and 1: towards the other model they are those of the mixes, at random those of each draw on average', async () => {
  const [first] = await randomDirections({
    layout: layoutOfSizes([1]),
    base: Float32Array.of(1),
    other: Float32Array.of(3),
    draws: 64,
    rng: createRng(1),
    evaluateFamily: oneByOne(lossOnly(([w]) => w!)),
  })
  assert.deepEqual(first!.averaging, { loss: [1, 2, 3], error: [1, 2, 3] })
  // One parameter: every draw is 1 ± 2 a, up or down, so the mean of the losses is 1 ± a multiple of 2 a / 32.
  const [start, middle, far] = first!.random.loss as [number, number, number]
  assert.equal(start, 1)
  near(far - 1, 2 * (middle - 1))
  assert.ok(Math.abs(far - 1) < 1 && Number.isInteger((far - 1) * 16))
})

test('a draw does not depend on how many there are', async () => {
  const directions = async (draws: number) => {
    const { evaluate, calls } = recorded(lossOnly(half))
    const rng = createRng(3)
    await randomDirections({ layout, base: a, other: b, draws, rng, evaluateFamily: oneByOne(evaluate) })
    return calls.slice(1 + 2, 1 + 4) // the first draw of the first layer
  }
  assert.deepEqual(await directions(1), await directions(3))
})

test('distances and cosines of every two models, by layer and whole, as by plain loops', () => {
  const models = [a, b, a.map(value => -2 * value)].map((params, i) => ({ id: `m${i}`, params }))
  const rows = modelDistances(layout, models)
  assert.deepEqual(
    rows.map(({ between, layer }) => `${between.join('-')} ${layer}`),
    ['m0-m1', 'm0-m2', 'm1-m2'].flatMap(pair => ['layer1', 'layer2', 'layer3', null].map(layer => `${pair} ${layer}`)),
  )
  for (const [i, { l2, cosine }] of rows.slice(0, 4).entries()) {
    const [u, v] = i < 3 ? [part(a, i), part(b, i)] : [a, b]
    near(l2, Math.sqrt(squaredDistance(u, v)))
    const dot = u.reduce((sum, value, k) => sum + value * v[k]!, 0)
    near(cosine, dot / Math.sqrt(2 * half(u) * 2 * half(v)))
  }
  for (const { cosine } of rows.slice(4, 8)) near(cosine, -1)
  assert.equal(
    modelDistances(layout, [models[0]!, { id: '0', params: new Float32Array(layout.size) }])[0]!.cosine,
    null,
  )
})

test('the curvature of ½|w|² along any path is |d|² of the layers that move, at ends and middle, whatever the step', async () => {
  const paths = pathSpecs(['full', 'layer'], layout, { orders: [], rng: createRng(1) })
  for (const step of [0.1, 0.5]) {
    const results = await curvatures({ layout, a, b, paths, step, evaluateFamily: oneByOne(lossOnly(half)) })
    assert.equal(results.length, 7)
    for (const { layer, curvature, rise, predicted } of results) {
      const index = layout.blocks.findIndex(({ name }) => name === layer)
      const bend = layer === null ? squaredDistance(a, b) : squaredDistance(part(a, index), part(b, index))
      for (const value of curvature) near(value, bend, 1e-4)
      // Of a parabola both predictions are exact: −|d|²/8 in the middle, and + by ends that are no minima.
      near(rise, -bend / 8, 1e-4)
      near(predicted.middle, -bend / 8, 1e-4)
      near(predicted.ends, bend / 8, 1e-4)
    }
  }
})

test('(1 − uv)²: positive along each layer, 2 d² v², and negative in the middle between (1, 1) and (−1, −1)', async () => {
  const pair = layoutOfSizes([1, 1])
  const paths = pathSpecs(['full', 'layer'], pair, { orders: [], rng: createRng(1) })
  const [full, ...layers] = await curvatures({
    layout: pair,
    a: Float32Array.of(1, 1),
    b: Float32Array.of(-1, -1),
    paths,
    step: 0.125,
    evaluateFamily: oneByOne(lossOnly(([u, v]) => (1 - u! * v!) ** 2)),
  })
  for (const { curvature } of layers) assert.deepEqual(curvature, [8, 8, 8]) // (1 ∓ (1 − 2t))²: second derivative 8
  // (1 − (1 − 2t)²)² = 16 t² (1 − t)²: by the difference with step h at ½, 16 · (2 (¼ − h²)² − 2 / 16) / h²
  near(full!.curvature[1], (16 * (2 * (0.25 - 0.125 ** 2) ** 2 - 2 / 16)) / 0.125 ** 2)
  assert.ok(full!.curvature[1]! < 0 && full!.curvature[0]! > 0)
  // The ends are minima and the middle is 1 above them; 16 t² (1 − t)² has 32 (1 ± h)² as its difference at the ends.
  assert.equal(full!.rise, 1)
  near(full!.predicted.ends, (2 * 16 * (1.125 ** 2 + 0.875 ** 2)) / 16)
  near(full!.predicted.middle, -full!.curvature[1]! / 8)
})

test('beyond the models running statistics are those of the end: the curvature there is of weights alone', async () => {
  const { layout: normalized, statistics } = withStatistics(layout)
  const [low, high] = [2 ** -10, 8].map(value => new Float32Array(12).fill(value)) as [Params, Params]
  const [wholeA, wholeB] = [statistics(a, low), statistics(b, high)]
  const ofStatistics = ({ blocks }: typeof normalized, params: Params) =>
    blocks.flatMap(({ offset, size }) => [...params.subarray(offset + size - 4, offset + size)])
  for (const step of [0.1, 0.4, 0.5]) {
    const { evaluate, calls } = recorded(
      lossOnly(params => half(params) - half(Float32Array.from(ofStatistics(normalized, params)))),
    )
    const paths = pathSpecs(['full', 'layer'], normalized, { orders: [], rng: createRng(1) })
    const results = await curvatures({
      ...{ layout: normalized, a: wholeA, b: wholeB, paths, step, evaluateFamily: oneByOne(evaluate) },
    })
    for (const { layer, curvature } of results) {
      const index = layout.blocks.findIndex(({ name }) => name === layer)
      const bend = layer === null ? squaredDistance(a, b) : squaredDistance(part(a, index), part(b, index))
      for (const value of curvature) near(value, bend, 1e-3)
    }
    for (const params of calls)
      for (const value of ofStatistics(normalized, params)) assert.ok(value >= 2 ** -10 && value <= 8, String(value))
  }
})

test('a step that is no step is refused', async () => {
  const request = { layout, a, b, paths: [], evaluateFamily: oneByOne(lossOnly(half)) }
  for (const step of [0, -0.1, 0.6, Number.NaN])
    await assert.rejects(curvatures({ ...request, step }), { code: 'input_invalid', message: /\(0, 0\.5\]/ })
})

test('running statistics are left out of distances and random directions, and averaged along the way to the other model', async () => {
  const { layout: normalized, statistics } = withStatistics(layout)
  const [ofA, ofB] = [5, 6].map(seed => normalParams(12, seed).map(value => 100 * Math.abs(value))) as [Params, Params]
  const [wholeA, wholeB] = [statistics(a, ofA), statistics(b, ofB)]
  const ends = (first: Params, second: Params) => [
    { id: 'a', params: first },
    { id: 'b', params: second },
  ]
  assert.deepEqual(modelDistances(normalized, ends(wholeA, wholeB)), modelDistances(layout, ends(a, b)))

  const { evaluate, calls } = recorded(lossOnly(half))
  const request = { draws: 2, rng: createRng(3), evaluateFamily: oneByOne(evaluate) }
  await randomDirections({ ...request, layout: normalized, base: wholeA, other: wholeB })
  const whole = calls.splice(0)
  await randomDirections({ ...request, layout, base: a, other: b })
  // Of all layers together: half way and all the way to the other model, then both steps of each draw.
  const [towards, ...random] = [whole.at(-6)!, whole.at(-4)!, whole.at(-3)!, whole.at(-2)!, whole.at(-1)!]
  const middle = calls.at(-6)!
  assert.deepEqual(
    towards,
    statistics(
      middle,
      ofA.map((value, i) => Math.fround(0.5 * value + 0.5 * ofB[i]!)),
    ),
  )
  for (const [i, params] of random.entries()) assert.deepEqual(params, statistics(calls.at(i - 4)!, ofA))
})
