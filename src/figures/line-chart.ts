import { type Axis, markedAxis, roundAxis, type Span, spanOf, type Tick, wholeAxis } from './axis.ts'
import { describeSeries, drawSeries, type LineSeries, SERIES_STYLE, sampleOf } from './line-series.ts'
import { escaped, shortened, svgDocument, tag, text, widthOf } from './svg.ts'

export type { LinePoint, LineSeries } from './line-series.ts'

export interface LinePanel {
  /** May be empty. */
  readonly title: string
  readonly series: readonly LineSeries[]
}

export interface LineChart {
  readonly title: string
  readonly subtitle: string
  readonly x: {
    readonly title: string
    /** Marks with names; without them, whole numbers. */
    readonly ticks?: readonly Tick[] | undefined
    /** Room beside the first and the last of `ticks`, in units of x. */
    readonly margin?: number
  }
  /** `zero`: 0 is on the axis, whatever was measured. */
  readonly y: { readonly title: string; readonly zero?: boolean }
  readonly panels: readonly LinePanel[]
  /** What there is to know to read it; may be left out. */
  readonly note?: string
}

const MARGIN = 24
const GAP = 36
const PLOT_HEIGHT = 250
const WIDE = 760
const NARROW = 410
const SAMPLE_WIDTH = 30
const NAME_LENGTH = 44
const TICKS = 7

interface Frame {
  /** Of the plot, from the panel's left edge. */
  readonly left: number
  readonly width: number
  readonly spans: { readonly x: Span; readonly y: Span }
  /** Number of each series in the legend. */
  readonly styles: ReadonlyMap<string, number>
}

/**
 * Lines over numbers or names, a panel beside the other on the same axes, one legend for all. Series differ in colour and in
 * dashes; points have dots, and their values when one points at them, where there is room. What was not measured is a gap.
 */
export function lineChart(chart: LineChart): string {
  const { title, subtitle, panels, note } = chart
  const series = panels.flatMap(panel => panel.series)
  const points = series.flatMap(({ points }) => points)
  const ys = points.flatMap(({ y, spread }) => (y === null ? [] : [y - (spread ?? 0), y + (spread ?? 0)]))
  const spans = { x: spanOf(points.map(({ x }) => x)), y: spanOf(chart.y.zero ? [0, ...ys] : ys) }
  const names = [...new Set(series.map(({ name }) => name))]
  const labels = roundAxis(spans.y, TICKS, 0, 1).ticks.map(({ label }) => widthOf(label, 11))
  const isSingle = panels.length === 1
  const left = Math.max(...labels) + 8
  const panelWidth = isSingle ? WIDE : NARROW
  const frame = { left, width: panelWidth - left, spans, styles: new Map(names.map((name, i) => [name, i])) }
  const total = isSingle ? WIDE : 2 * NARROW + GAP
  const body = [
    text({ class: 'heading', x: MARGIN, y: 36 }, title),
    text({ class: 'quiet', x: MARGIN, y: 56 }, subtitle),
  ]
  const panelHeight = 44 + PLOT_HEIGHT + 56
  panels.forEach((panel, i) => {
    const x = MARGIN + (i % 2) * (NARROW + GAP)
    const y = 76 + Math.floor(i / 2) * (panelHeight + GAP / 2)
    body.push(tag('g', { transform: `translate(${x} ${y})` }, panelOf(panel, chart, frame)))
  })
  const legendTop = 76 + Math.ceil(panels.length / 2) * (panelHeight + GAP / 2)
  const legend = legendOf(names, total, legendTop)
  body.push(legend.markup)
  if (note) body.push(text({ class: 'quiet', x: MARGIN, y: legend.bottom + 14 }, note))
  const wanted = [total, widthOf(title, 16), widthOf(subtitle, 12), widthOf(note ?? '', 12)]
  return svgDocument({
    title,
    description: `${subtitle}. ${panels.map(panel => describe(panel, chart)).join(' ')}`,
    width: Math.max(...wanted) + 2 * MARGIN,
    height: legend.bottom + (note ? 34 : 14),
    style: `${STYLE}${SERIES_STYLE}`,
    body,
  })
}

function panelOf({ title, series }: LinePanel, chart: LineChart, frame: Frame): string {
  const { left, width, spans } = frame
  const [top, bottom] = [44, 44 + PLOT_HEIGHT]
  const y = roundAxis(spans.y, TICKS, bottom, top)
  const x = horizontal(chart, spans.x, left, left + width)
  const labels = xLines(x, chart.x.ticks !== undefined)
  const deepest = Math.max(1, ...labels.map(lines => lines.length))
  const isMeasured = series.some(({ points }) => points.some(point => point.y !== null))
  const aside = series.some(({ points }) => points.some(({ spread }) => spread)) ? 7 : 0
  return [
    text({ class: 'panel', x: 0, y: 12 }, title),
    text({ class: 'quiet', x: 0, y: title === '' ? 26 : 30 }, chart.y.title),
    ...y.ticks.map(({ at, label }) => gridLine(y.place(at), label, at === 0, left, left + width)),
    tag('line', { class: 'axis', x1: left, y1: bottom, x2: left + width, y2: bottom }),
    ...labels.map((lines, i) => xLabel(x.ticks[i]!, lines, x.place(x.ticks[i]!.at), bottom)),
    text({ class: 'quiet middle', x: left + width / 2, y: bottom + 25 + 13 * deepest }, chart.x.title),
    ...series.map((one, i) => {
      const plot = { x, y, ticks: chart.x.ticks, aside: aside * (i - (series.length - 1) / 2) }
      return drawSeries(one, frame.styles.get(one.name)!, plot)
    }),
    isMeasured
      ? ''
      : text({ class: 'quiet middle', x: left + width / 2, y: top + PLOT_HEIGHT / 2 }, 'nothing was measured'),
  ]
    .filter(part => part !== '')
    .join('\n')
}

function horizontal({ x }: LineChart, span: Span, from: number, to: number): Axis {
  if (x.ticks && x.ticks.length > 0) return markedAxis(x.ticks, x.margin ?? 0, from, to)
  return wholeAxis(span, Math.floor((to - from) / 60), from, to)
}

function gridLine(y: number, label: string, isZero: boolean, left: number, right: number): string {
  const line = tag('line', { class: isZero ? 'zero' : 'grid', x1: left, y1: y, x2: right, y2: y })
  return line + text({ class: 'tick end quiet', x: left - 8, y: y + 4 }, label)
}

/** Names have the room between two marks, in two lines at most. */
function xLines({ ticks, place }: Axis, areNames: boolean): readonly (readonly string[])[] {
  const room = ticks.length < 2 ? 200 : place(ticks[1]!.at) - place(ticks[0]!.at)
  const length = Math.max(3, Math.floor(room / widthOf('0', 11)))
  return ticks.map(({ label }) => (areNames ? wrapped(label, length) : [label]))
}

/** A name that had to be cut is told whole when one points at it. */
function xLabel({ label }: Tick, lines: readonly string[], x: number, bottom: number): string {
  const hint = lines.join(' ') === label ? '' : tag('title', {}, escaped(label))
  const words = lines.map((line, i) => {
    const place = { class: 'tick middle quiet', x, y: bottom + 18 + 13 * i }
    return tag('text', place, (i === 0 ? hint : '') + escaped(line))
  })
  return tag('line', { class: 'axis', x1: x, y1: bottom, x2: x, y2: bottom + 5 }) + words.join('')
}

/** One line, or two broken between words, each as short as must be. */
function wrapped(label: string, length: number): string[] {
  if (label.length <= length) return [label]
  const words = label.split(' ')
  const breaks = words.slice(1).map((_, i) => [words.slice(0, i + 1).join(' '), words.slice(i + 1).join(' ')])
  const [best] = breaks.sort((a, b) => longest(a) - longest(b))
  return (best ?? [label]).map(line => shortened(line, length))
}

function longest(lines: readonly string[]): number {
  return Math.max(...lines.map(line => line.length))
}

/** Names side by side, in as many lines as it takes. */
function legendOf(names: readonly string[], width: number, top: number) {
  const entries: string[] = []
  let [x, line] = [0, 0]
  names.forEach((name, style) => {
    const short = shortened(name, NAME_LENGTH)
    const wanted = SAMPLE_WIDTH + 8 + widthOf(short, 12) + 22
    if (x > 0 && x + wanted > width) [x, line] = [0, line + 1]
    const [left, middle] = [MARGIN + x, top + line * 20]
    const hint = short === name ? '' : tag('title', {}, escaped(name))
    const words = tag('text', { x: left + SAMPLE_WIDTH + 8, y: middle + 4 }, hint + escaped(short))
    entries.push(tag('g', { class: 'entry' }, sampleOf(style, left, middle, SAMPLE_WIDTH) + words))
    x += wanted
  })
  return { markup: entries.join('\n'), bottom: top + (names.length === 0 ? 0 : (line + 1) * 20) }
}

function describe({ title, series }: LinePanel, { x }: LineChart): string {
  const words = series.map(one => describeSeries(one, x.ticks))
  const name = title === '' ? '' : `${title}: `
  return `${name}${words.length === 0 ? 'nothing was measured' : words.join('; ')}.`
}

const STYLE = `
.tick { font-size: 11px; font-variant-numeric: tabular-nums }
.grid { stroke: #e4e7eb; stroke-width: 1 }
.axis { stroke: #b6bec7; stroke-width: 1 }
.zero { stroke: #8b949e; stroke-width: 1.25 }
@media (prefers-color-scheme: dark) {
  .grid { stroke: #2b313a }
  .axis { stroke: #4a525c }
  .zero { stroke: #6e7781 }
}
`
