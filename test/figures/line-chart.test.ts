import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type LineChart, lineChart } from '../../src/figures/line-chart.ts'
import { type Element, parseXml } from './xml.ts'

const CHART: LineChart = {
  title: 'Accuracy',
  subtitle: 'two runs',
  x: { title: 'round' },
  y: { title: 'as a fraction' },
  panels: [
    {
      title: 'Test',
      series: [
        { name: 'first', points: [0.5, 0.625, 0.75].map((y, i) => ({ x: i + 1, y })) },
        { name: 'second', points: [0.25, 0.5, 0.25].map((y, i) => ({ x: i + 1, y })) },
      ],
    },
  ],
}

const chartOf = (ys: readonly (number | null)[], more: Partial<LineChart> = {}): LineChart => ({
  ...CHART,
  panels: [{ title: '', series: [{ name: 'only', points: ys.map((y, i) => ({ x: i + 1, y })) }] }],
  ...more,
})

const numberOf = ({ attributes }: Element, key: string) => Number(attributes[key])
const classes = ({ attributes }: Element) => (attributes['class'] ?? '').split(' ')
const ofClass = (elements: readonly Element[], name: string) =>
  elements.filter(element => classes(element).includes(name))
const wordsOf = (elements: readonly Element[]) => elements.filter(({ name }) => name === 'text').map(({ text }) => text)

/** The plotted paths, without those of the legend, as lists of stretches of points. */
function linesIn(elements: readonly Element[]): [number, number][][][] {
  return ofClass(elements, 'line')
    .filter(({ attributes }) => !attributes['d']!.includes('H'))
    .map(({ attributes }) =>
      attributes['d']!.slice(1)
        .split('M')
        .map(run =>
          run
            .trim()
            .split('L')
            .map(pair => pair.split(' ').map(Number) as [number, number]),
        ),
    )
}

/** From values to pixels, as the marks on an axis tell: label and place of two of them. */
function scaleOf(elements: readonly Element[], axis: 'x' | 'y') {
  const ticks = ofClass(elements, 'tick').filter(element => classes(element).includes(axis === 'x' ? 'middle' : 'end'))
  // A label of the vertical axis stands 4 pixels below its line.
  const [[from, low], [to, high]] = [ticks[0]!, ticks.at(-1)!].map(element => [
    Number(element.text.replace('−', '-')),
    numberOf(element, axis) - (axis === 'y' ? 4 : 0),
  ]) as [[number, number], [number, number]]
  return (value: number) => low + ((value - from) / (to - from)) * (high - low)
}

test('every value is where the marks on the axes say that it is', () => {
  let negative = 0
  let small = 0
  const values = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 30 })
  fc.assert(
    fc.property(values, fc.integer({ min: -6, max: 6 }), (list, power) => {
      const ys = list.map(value => value * 10 ** power)
      fc.pre(Math.max(...ys) - Math.min(...ys) > 1e-3 * 10 ** power)
      if (ys.some(y => y < 0)) negative++
      if (power < -3) small++
      const elements = parseXml(lineChart(chartOf(ys)))
      const [x, y] = [scaleOf(elements, 'x'), scaleOf(elements, 'y')]
      const [[run]] = linesIn(elements) as [[[number, number][]]]
      assert.equal(run.length, ys.length)
      run.forEach(([left, top], i) => {
        assert.ok(Math.abs(left - x(i + 1)) < 0.05, `${left} for ${i + 1}`)
        assert.ok(Math.abs(top - y(ys[i]!)) < 0.5, `${top} for ${ys[i]}, not ${y(ys[i]!)}`)
      })
    }),
  )
  assert.ok(negative > 20 && small > 5, `${negative} ${small}`)
})

test('marks are at round numbers that the values lie between, a handful of them', () => {
  const marks = (ys: number[], more = {}) => {
    const ticks = ofClass(parseXml(lineChart(chartOf(ys, more))), 'tick')
    return ticks.filter(element => classes(element).includes('end')).map(({ text }) => text)
  }
  assert.deepEqual(marks([0.1, 0.9]), ['0.2', '0.4', '0.6', '0.8'])
  assert.deepEqual(marks([0, 0.9]), ['0', '0.2', '0.4', '0.6', '0.8'])
  assert.deepEqual(marks([-0.03, 0.03]), ['−0.03', '−0.02', '−0.01', '0', '0.01', '0.02', '0.03'])
  assert.deepEqual(marks([0.5]), ['0.46', '0.48', '0.50', '0.52', '0.54'])
  assert.deepEqual(marks([2, 3], { y: { title: '', zero: true } }), ['0', '0.5', '1.0', '1.5', '2.0', '2.5', '3.0'])
  assert.deepEqual(marks([0, 4e8]), ['0', '1e+8', '2e+8', '3e+8', '4e+8'])
})

test('a value that is missing is a gap, and a value alone between two gaps a dot', () => {
  const elements = parseXml(lineChart(chartOf([0.25, 0.5, null, 0.75, null, 0.5, 0.25])))
  const [line] = linesIn(elements)
  assert.deepEqual(
    line!.map(run => run.length),
    [2, 1, 2],
  )
  const dots = ofClass(elements, 'dot').flatMap(({ children }) => children.map(({ text }) => text))
  assert.deepEqual(
    dots,
    [1, 2, 4, 6, 7].map((round, i) => `only, ${round}: ${[0.25, 0.5, 0.75, 0.5, 0.25][i]!.toFixed(3)}`),
  )
  const many = Array.from({ length: 201 }, (_, i) => (i === 99 || i === 101 ? null : i / 200))
  const lonely = ofClass(parseXml(lineChart(chartOf(many))), 'dot').flatMap(({ children }) => children)
  assert.deepEqual(
    lonely.map(({ text }) => text),
    ['only, 101: 0.500'],
  ) // no room for 200 dots, but this one has no line
})

test('a series has one colour and one kind of line in all panels, and the next one others', () => {
  const series = Array.from({ length: 12 }, (_, i) => ({
    name: `run ${i}`,
    points: [
      { x: 1, y: i },
      { x: 2, y: 0 },
    ],
  }))
  const panels = [
    { title: 'A', series },
    { title: 'B', series: series.slice(3) },
  ]
  const elements = parseXml(lineChart({ ...CHART, panels }))
  const styles = ofClass(elements, 'line').map(({ attributes, children }) => [children[0]?.text, attributes['class']])
  const byName = new Map<string, Set<string>>()
  for (const [name, style] of styles.slice(0, 21)) byName.set(name!, (byName.get(name!) ?? new Set()).add(style!))
  assert.deepEqual(
    [...byName.values()].map(({ size }) => size),
    Array(12).fill(1),
  )
  const all = [...byName.values()].map(([style]) => style!)
  assert.equal(new Set(all).size, 12)
  for (let i = 1; i < 12; i++)
    for (const part of [1, 2]) assert.notEqual(all[i]!.split(' ')[part], all[i - 1]!.split(' ')[part])
  assert.deepEqual(
    styles.slice(21).map(([, style]) => style),
    all,
    'the legend shows the same',
  )
  assert.deepEqual(ofClass(elements, 'entry').length, 12)
})

test('spreads are whiskers of one standard deviation up and down, and series that have them stand side by side', () => {
  const points = (y: number) => [0, 1].map(x => ({ x, y, spread: 0.25 }))
  const ticks = ['A', 'B'].map((label, at) => ({ at, label }))
  const panels = [
    {
      title: '',
      series: [
        { name: 'a', points: points(1) },
        { name: 'b', points: points(1.5) },
      ],
    },
  ]
  const elements = parseXml(lineChart({ ...CHART, x: { title: '', ticks, margin: 1 }, panels }))
  const y = scaleOf(elements, 'y')
  const whiskers = ofClass(elements, 'whisker')
  assert.equal(whiskers.length, 4)
  const [, middle, top, bottom] = /M([\d.]+) ([\d.]+)V([\d.]+)M/.exec(whiskers[0]!.attributes['d']!)!.map(Number)
  assert.ok(Math.abs(top! - y(1.25)) < 0.5 && Math.abs(bottom! - y(0.75)) < 0.5, `${top} ${bottom}`)
  const [a, b] = linesIn(elements)
  assert.equal(a![0]![0]![0], middle)
  assert.ok(b![0]![0]![0] - a![0]![0]![0] >= 6)
  assert.ok(ofClass(elements, 'dot').some(({ children }) => children[0]?.text === 'a, A: 1.00 ± 0.250'))
})

test('text of others stays text, and the picture tells what it shows, loads nothing, and is the same every time', () => {
  const hostile = `</text><script>alert("1")</script>&amp;'`
  const chart = chartOf([0.25, null, 0.5], { title: hostile, subtitle: '\u0000', note: hostile })
  const named = { ...chart, panels: [{ title: hostile, series: [{ name: hostile, points: [{ x: 1, y: 1 }] }] }] }
  const svg = lineChart(named)
  const elements = parseXml(svg)
  assert.ok(!elements.some(({ name }) => name === 'script'))
  assert.ok(wordsOf(elements).filter(words => words === hostile).length >= 3)
  assert.doesNotMatch(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|href|@import|@font-face/)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.equal(lineChart(structuredClone(named)), svg)
  const [root, title, description] = parseXml(lineChart(CHART))
  assert.equal(root!.attributes['aria-labelledby'], `${title!.attributes['id']} ${description!.attributes['id']}`)
  assert.equal(description!.text, 'two runs. Test: first 0.500 at 1, 0.750 at 3; second 0.250 at 1, 0.250 at 3.')
})

test('nothing leaves the picture and no two labels meet, however many rounds, series, panels and long the names', () => {
  const name = (i: number) => `a-run-with-a-name-that-does-not-end-before-its-hundredth-character-${i}`
  for (const [rounds, count, panelCount] of [
    [0, 0, 1],
    [1, 1, 1],
    [2, 40, 2],
    [9, 3, 3],
    [200, 12, 1],
    [100_000, 1, 4],
  ] as const) {
    // biome-ignore format: cases
    const xs = rounds > 1000 ? [1, rounds] : Array.from({ length: rounds }, (_, i) => i + 1)
    const series = Array.from({ length: count }, (_, k) => ({
      name: name(k),
      points: xs.map(x => ({ x, y: Math.sin(x + k) })),
    }))
    const panels = Array.from({ length: panelCount }, () => ({ title: 'Panel', series }))
    const svg = lineChart({ ...CHART, title: name(0), panels })
    const elements = parseXml(svg)
    const [width, height] = ['width', 'height'].map(key => Number(elements[0]!.attributes[key])) as [number, number]
    const moves = elements.filter(({ attributes }) => attributes['transform'])
    const shifts = moves.map(({ attributes }) => attributes['transform']!.match(/[\d.]+/g)!.map(Number))
    const furthest = [Math.max(...shifts.map(([x]) => x!)), Math.max(...shifts.map(([, y]) => y!))] as const
    for (const [x, y] of linesIn(elements).flat(2))
      assert.ok(x >= 0 && x + furthest[0] <= width && y >= 0 && y + furthest[1] <= height)
    const ticks = ofClass(elements, 'tick').filter(element => classes(element).includes('middle'))
    for (let i = 1; i < ticks.length / panelCount; i++)
      assert.ok(
        numberOf(ticks[i]!, 'x') - numberOf(ticks[i - 1]!, 'x') >= 6.6 * ticks[i]!.text.length + 4,
        `${rounds} rounds`,
      )
    for (const entry of ofClass(elements, 'entry')) {
      const words = entry.children.find(child => child.name === 'text')!
      assert.ok(numberOf(words, 'x') + 7.2 * words.text.length <= width && numberOf(words, 'y') <= height)
    }
  }
})

test('names below the axis are broken between words, then cut, and told whole when one points at them', () => {
  const labels = ['IID', 'Dirichlet 0.05', 'a-name-that-cannot-be-broken-anywhere', 'x', 'y', 'z']
  const ticks = labels.map((label, at) => ({ at, label }))
  const panel = { title: '', series: [{ name: 's', points: labels.map((_, x) => ({ x, y: x })) }] }
  const elements = parseXml(lineChart({ ...CHART, x: { title: '', ticks, margin: 1 }, panels: [panel, panel] }))
  const words = wordsOf(elements)
  for (const word of ['IID', 'Dirichlet', '0.05']) assert.ok(words.includes(word), word)
  assert.ok(elements.some(({ name, text }) => name === 'title' && text === labels[2]))
})

test('where nothing was measured the picture says so', () => {
  assert.ok(
    wordsOf(parseXml(lineChart({ ...CHART, panels: [{ title: '', series: [] }] }))).includes('nothing was measured'),
  )
  assert.ok(wordsOf(parseXml(lineChart(chartOf([null, null])))).includes('nothing was measured'))
})
