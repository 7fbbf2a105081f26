import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ORDERS } from '../../src/analysis/paths/orders.ts'
import { PATH_KINDS, PATH_NAMES, pathSpecs } from '../../src/analysis/paths/registry.ts'
import { BARRIER_PATHS, CUMULATIVE_ORDERS } from '../../src/core/records.ts'
import { createRng } from '../../src/core/rng.ts'
import { layoutOfSizes } from './toys.ts'

const rng = createRng(1)
const layout = layoutOfSizes([1, 1, 1])

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i + 1}`)
}

test('every kind that a record knows, but the group, is registered under its own name', () => {
  assert.deepEqual(
    PATH_NAMES,
    BARRIER_PATHS.filter(path => path !== 'group'),
  )
  for (const name of PATH_NAMES) assert.equal(PATH_KINDS[name].name, name)
})

test('the full path moves every layer and has no base', () => {
  assert.deepEqual(PATH_KINDS.full.specs(layout, { orders: [], rng }), [
    { path: 'full', layer: null, layers: ['layer1', 'layer2', 'layer3'], order: null, base: null },
  ])
})

test('each layer has a path into either model', () => {
  const specs = PATH_KINDS.layer.specs(layout, { orders: [], rng })
  assert.deepEqual(
    specs.map(({ layer, layers, base }) => [layer, layers, base]),
    ['layer1', 'layer2', 'layer3'].flatMap(layer => [
      [layer, [layer], 1],
      [layer, [layer], 2],
    ]),
  )
})

test('layers join a cumulative path one by one; a record names them from input to output, and the last to join', () => {
  const specs = PATH_KINDS.cumulative.specs(layout, { orders: ['deep'], rng })
  assert.deepEqual(
    specs.filter(({ base }) => base === 2),
    [
      { path: 'cumulative', layer: 'layer3', layers: ['layer3'], order: 'deep', base: 2 },
      { path: 'cumulative', layer: 'layer2', layers: ['layer2', 'layer3'], order: 'deep', base: 2 },
      { path: 'cumulative', layer: 'layer1', layers: ['layer1', 'layer2', 'layer3'], order: 'deep', base: 2 },
    ],
  )
  assert.equal(specs.length, 6)
})

test('a group of layers is named by patterns, and has a path into either model', () => {
  const groups = [['layer3', 'layer1'], ['*']]
  assert.deepEqual(PATH_KINDS.layers.specs(layout, { orders: [], rng, groups }), [
    { path: 'layers', layer: null, layers: ['layer1', 'layer3'], order: null, base: 1 },
    { path: 'layers', layer: null, layers: ['layer1', 'layer3'], order: null, base: 2 },
    { path: 'layers', layer: null, layers: ['layer1', 'layer2', 'layer3'], order: null, base: 1 },
    { path: 'layers', layer: null, layers: ['layer1', 'layer2', 'layer3'], order: null, base: 2 },
  ])
  assert.throws(
    () => PATH_KINDS.layers.specs(layout, { orders: [], rng, groups: [['layer1'], ['conv*']] }),
    /a pattern that matches one of layer1, layer2, layer3, got "conv\*"/,
  )
})

test('a window of equal size slides from the first layers to the last', () => {
  const windows = (window?: number) =>
    PATH_KINDS.window
      .specs(layout, { orders: [], rng, window })
      .filter(({ base }) => base === 2)
      .map(({ layer, layers }) => [layer, layers.join(' ')])
  const two = [
    ['layer1', 'layer1 layer2'],
    ['layer2', 'layer2 layer3'],
  ]
  assert.deepEqual(windows(2), two)
  assert.deepEqual(windows(), two, 'two layers when nothing is said')
  assert.deepEqual(windows(3), [['layer1', 'layer1 layer2 layer3']])
  for (const wrong of [0, 4, 1.5])
    assert.throws(() => windows(wrong), new RegExp(`a window of 1 to 3 layers, as many as the model has, got ${wrong}`))
})

test('shallow goes from input to output, deep back', () => {
  assert.deepEqual(ORDERS.shallow(names(4), rng), ['1', '2', '3', '4'])
  assert.deepEqual(ORDERS.deep(names(4), rng), ['4', '3', '2', '1'])
})

test('minimal takes the first 5, the last 5, then those between, as the released code does', () => {
  assert.deepEqual(ORDERS.minimal(names(13), rng).map(Number), [1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 6, 7, 8])
  for (const count of [1, 4, 5, 7, 10]) assert.deepEqual(ORDERS.minimal(names(count), rng), names(count))
})

test('random is one permutation for each seed', () => {
  const layers = names(12)
  const once = ORDERS.random(layers, createRng(3))
  assert.deepEqual(ORDERS.random(layers, createRng(3)), once)
  assert.deepEqual([...once].sort(), [...layers].sort())
  assert.notDeepEqual(once, layers)
  assert.notDeepEqual(ORDERS.random(layers, createRng(4)), once)
  assert.deepEqual(layers, names(12), 'the names given are not reordered')
})

test('the random order does not depend on what was drawn from the stream before, nor on the other orders', () => {
  const deep = layoutOfSizes(Array.from({ length: 12 }, () => 1))
  const used = createRng(5)
  used.next()
  const alone = pathSpecs(['cumulative'], deep, { orders: ['random'], rng: createRng(5) })
  const among = pathSpecs(['full', 'cumulative'], deep, { orders: [...CUMULATIVE_ORDERS], rng: used })
  assert.deepEqual(
    among.filter(({ order }) => order === 'random'),
    alone,
  )
})

test('kinds come in the order of the list, 1 + 2 L + 2 L × orders paths in all', () => {
  const specs = pathSpecs(['layer', 'full', 'cumulative'], layout, { orders: [...CUMULATIVE_ORDERS], rng })
  assert.equal(specs.length, 2 * 3 + 1 + 2 * 3 * 4)
  assert.deepEqual([...new Set(specs.map(({ path }) => path))], ['layer', 'full', 'cumulative'])
})
