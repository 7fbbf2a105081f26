import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HeatMap, heatMap } from '../../src/figures/heat-map.ts'
import { parseXml } from './xml.ts'

const MAP: HeatMap = {
  title: 'Barriers',
  subtitle: 'a run',
  panels: [
    {
      title: 'Base 1',
      rows: ['full', 'fc1'],
      rounds: [2, 4],
      values: [
        [0.125, -0.25],
        [null, 0],
      ],
    },
  ],
  legend: 'what it is',
}

/** A panel of `columns` rounds whose layers are `names`. */
const panel = (names: readonly string[], columns: number) => ({
  title: 'Base 1',
  rows: ['full', ...names],
  rounds: Array.from({ length: columns }, (_, i) => i + 1),
  values: ['full', ...names].map((_, i) => Array.from({ length: columns }, (_, j) => (i - j) / 100)),
})

const wordsOf = (svg: string) =>
  parseXml(svg)
    .filter(({ name }) => name === 'text')
    .map(({ text }) => text)

const cellsOf = (svg: string) =>
  parseXml(svg).filter(({ name, children }) => name === 'rect' && children[0]?.name === 'title')

test('names, rounds and values are there; a value that is missing is a dash', () => {
  assert.deepEqual(wordsOf(heatMap(MAP)), [
    ...['Barriers', 'a run', 'Base 1'],
    ...['full', '0.125', '−0.250', 'fc1', '–', '0.000'],
    ...['2', '4', 'round', '−0.250', '0', '+0.250', 'what it is'],
  ])
})

test('colour is by sign and strength: the largest barrier has all of it, none of it is at 0, hatching where no value is', () => {
  const cells = cellsOf(heatMap(MAP))
  assert.deepEqual(
    cells.map(({ attributes, children }) => [attributes['class'], attributes['fill-opacity'], children[0]!.text]),
    [
      ['worse', '0.5', 'full, round 2: 0.125'],
      ['better', '1', 'full, round 4: −0.250'],
      ['none', undefined, 'fc1, round 2: no value'],
      ['better', '0', 'fc1, round 4: 0.000'],
    ],
  )
})

test('panels share one scale, and each has its own rounds', () => {
  const second = { title: 'Base 2', rows: ['full'], rounds: [9], values: [[1]] }
  const svg = heatMap({ ...MAP, panels: [...MAP.panels, second] })
  const cells = cellsOf(svg)
  assert.deepEqual([cells[0]!.attributes['fill-opacity'], cells.at(-1)!.attributes['fill-opacity']], ['0.13', '1'])
  assert.ok(wordsOf(svg).includes('+1.00') && wordsOf(svg).includes('9'))
})

test('text of others stays text, in names, titles and hints, and what XML cannot hold is replaced', () => {
  const hostile = `</text><script>alert("1")</script>&amp;'`
  const svg = heatMap({ ...MAP, title: hostile, subtitle: '\u0000\ud800', panels: [panel([hostile], 1)] })
  const elements = parseXml(svg)
  assert.ok(!elements.some(({ name }) => name === 'script'))
  assert.deepEqual(elements[1]!.text, hostile)
  assert.ok(elements.some(({ name, text }) => name === 'title' && text.startsWith(`${hostile}, round 1`)))
  assert.ok(wordsOf(svg).includes('\ufffd\ufffd'))
})

test('a picture tells what it shows, loads nothing, and is the same every time', () => {
  const svg = heatMap(MAP)
  const [root, title, description] = parseXml(svg)
  assert.equal(root!.attributes['aria-labelledby'], `${title!.attributes['id']} ${description!.attributes['id']}`)
  assert.equal(title!.text, 'Barriers')
  assert.equal(description!.text, 'a run. Base 1, in round 4: full −0.250, fc1 0.000.')
  assert.doesNotMatch(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|href|@import|@font-face/)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.equal(heatMap(structuredClone(MAP)), svg)
})

test('nothing leaves the picture, and no number its cell, however many rounds and long the names', () => {
  const names = Array.from({ length: 20 }, (_, i) => `stage${i}.a-layer-with-a-name-that-does-not-end.${i}`)
  for (const columns of [0, 1, 18, 19, 50, 400]) {
    const elements = parseXml(heatMap({ ...MAP, panels: [panel(names, columns), panel(names, columns)] }))
    const { width, height } = elements[0]!.attributes
    for (const { name, attributes } of elements) {
      if (name !== 'rect') continue
      const [x, y, w, h] = ['x', 'y', 'width', 'height'].map(key => Number(attributes[key] ?? 0))
      assert.ok(x! >= 0 && x! + w! <= Number(width) && y! + h! <= Number(height), `${columns} rounds`)
    }
    const numbers = elements.filter(({ attributes }) => attributes['class']?.startsWith('number'))
    assert.equal(numbers.length, columns <= 18 ? 2 * 21 * columns : 0, `${columns} rounds`)
    const ticks = elements.filter(({ attributes }) => attributes['class'] === 'tick middle quiet')
    const places = ticks.slice(0, (ticks.length - 1) / 2).map(({ attributes }) => Number(attributes['x']))
    for (let i = 1; i < places.length; i++)
      assert.ok(places[i]! - places[i - 1]! >= 8 + 6.6 * ticks[i]!.text.length, `${columns} rounds: rounds overlap`)
  }
})

test('where nothing was measured the picture says so', () => {
  const empty = { title: 'Base 1', rows: ['full'], rounds: [], values: [[]] }
  assert.ok(wordsOf(heatMap({ ...MAP, panels: [empty] })).includes('nothing was measured'))
})
