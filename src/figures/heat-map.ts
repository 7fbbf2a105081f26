import { escaped, shortened, shown, svgDocument, tag, text, widthOf } from './svg.ts'

export interface HeatMapPanel {
  readonly title: string
  /** "full" first, then layers. */
  readonly rows: readonly string[]
  readonly rounds: readonly number[]
  /** By row and round. */
  readonly values: readonly (readonly (number | null)[])[]
}

export interface HeatMap {
  readonly title: string
  readonly subtitle: string
  readonly panels: readonly HeatMapPanel[]
  /** What the colours stand for, with its unit. */
  readonly legend: string
}

const MARGIN = 24
const ROW_GAP = 6
const PANEL_GAP = 34
const LABEL_LENGTH = 36
const PLOT_WIDTH = 800
const LEGEND_WIDTH = 280

/** Narrower cells have no room for a number. */
const LEGIBLE = 44
/** From this share of the full colour on, white is easier to read than black. */
const STRONG = 0.75

interface Frame {
  readonly left: number
  readonly cellWidth: number
  readonly cellHeight: number
  /** The value of the full colour, above and below 0. */
  readonly most: number
}

/**
 * Barriers by layer and round, one panel below the other on one scale of colours with 0 in its middle: figures 1 and 2 of
 * Adilova et al. (ICLR 2024). Cells that are large enough have their value in them; a cell without one is hatched.
 */
export function heatMap({ title, subtitle, panels, legend }: HeatMap): string {
  const values = panels.flatMap(panel => panel.values.flat()).filter(value => value !== null)
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const labels = panels.flatMap(({ rows }) => rows.map(row => widthOf(shortened(row, LABEL_LENGTH), 12)))
  const columns = Math.max(1, ...panels.map(({ rounds }) => rounds.length))
  const frame: Frame = {
    left: MARGIN + Math.max(40, ...labels) + 10,
    cellWidth: Math.min(58, Math.max(3, PLOT_WIDTH / columns)),
    cellHeight: panels.some(({ rows }) => rows.length > 14) ? 20 : 28,
    most: largest > 0 ? largest : 1,
  }
  const body = [
    text({ class: 'heading', x: MARGIN, y: 36 }, title),
    text({ class: 'quiet', x: MARGIN, y: 56 }, subtitle),
    HATCHING,
  ]
  let top = 78
  for (const panel of panels) {
    body.push(panelOf(panel, top, frame))
    top += 22 + heightOf(panel, frame) + PANEL_GAP
  }
  body.push(legendOf(legend, top + 12, frame.most))
  const wanted = [widthOf(title, 16), widthOf(subtitle, 12), LEGEND_WIDTH + 100, widthOf(legend, 12)]
  const width = Math.max(frame.left + columns * frame.cellWidth, MARGIN + Math.max(...wanted)) + MARGIN
  const description = `${subtitle}. ${panels.map(describe).join(' ')}`
  return svgDocument({ title, description, width, height: top + 72, style: STYLE, body })
}

function panelOf({ title, rows, rounds, values }: HeatMapPanel, top: number, frame: Frame): string {
  const { left, cellWidth, cellHeight } = frame
  const parts = [text({ class: 'panel', x: left, y: top + 10 }, title)]
  rows.forEach((row, i) => {
    const y = top + 22 + topOf(i, cellHeight)
    parts.push(labelOf(row, left - 10, y + cellHeight / 2 + 4))
    rounds.forEach((round, j) => {
      parts.push(cellOf(values[i]?.[j] ?? null, `${row}, round ${round}`, left + j * cellWidth, y, frame))
    })
  })
  const bottom = top + 22 + topOf(rows.length, cellHeight)
  const widest = Math.max(0, ...rounds.map(round => widthOf(String(round), 11))) + 8
  const step = Math.ceil(widest / cellWidth)
  rounds.forEach((round, j) => {
    if (j % step !== 0) return
    parts.push(text({ class: 'tick middle quiet', x: left + (j + 0.5) * cellWidth, y: bottom + 15 }, String(round)))
  })
  const name = rounds.length === 0 ? 'nothing was measured' : 'round'
  parts.push(text({ class: 'end quiet', x: left - 10, y: bottom + 15 }, name))
  return tag('g', {}, parts.join('\n'))
}

/** A name that is too long is told whole when one points at it. */
function labelOf(row: string, x: number, y: number): string {
  const short = shortened(row, LABEL_LENGTH)
  const hint = short === row ? '' : tag('title', {}, escaped(row))
  return tag('text', { class: 'end', x, y }, hint + escaped(short))
}

function cellOf(value: number | null, name: string, x: number, y: number, frame: Frame): string {
  const gap = frame.cellWidth > 8 ? 1 : 0
  const box = { x, y, width: frame.cellWidth - gap, height: frame.cellHeight - 1 }
  const words = value === null ? '–' : shown(value)
  const hint = tag('title', {}, escaped(`${name}: ${value === null ? 'no value' : words}`))
  const share = value === null ? 0 : Math.abs(value) / frame.most
  const rect =
    value === null
      ? tag('rect', { ...box, class: 'none' }, hint)
      : tag('rect', { ...box, class: value > 0 ? 'worse' : 'better', 'fill-opacity': share }, hint)
  const ground = tag('rect', { ...box, class: 'ground' })
  if (frame.cellWidth < LEGIBLE) return ground + rect
  const place = { x: x + box.width / 2, y: y + box.height / 2 + 4 }
  const ink = value === null ? 'number middle' : `number middle${share >= STRONG ? ' strong' : ''}`
  return ground + rect + text({ ...place, class: ink }, words)
}

function legendOf(legend: string, top: number, most: number): string {
  const half = LEGEND_WIDTH / 2
  const bar = { y: top, width: half, height: 10 }
  const tick = (x: number, words: string, anchor: string) =>
    text({ class: `tick ${anchor} quiet`, x: MARGIN + x, y: top + 25 }, words)
  return [
    tag('rect', { ...bar, x: MARGIN, width: LEGEND_WIDTH, class: 'ground' }),
    tag('rect', { ...bar, x: MARGIN, fill: 'url(#better)' }),
    tag('rect', { ...bar, x: MARGIN + half, fill: 'url(#worse)' }),
    tick(0, shown(-most), 'start'),
    tick(half, '0', 'middle'),
    tick(LEGEND_WIDTH, `+${shown(most)}`, 'end'),
    text({ class: 'quiet', x: MARGIN, y: top + 44 }, legend),
  ].join('\n')
}

function describe({ title, rows, rounds, values }: HeatMapPanel): string {
  const last = rows.map((row, i) => {
    const value = values[i]?.at(-1) ?? null
    return `${row} ${value === null ? 'no value' : shown(value)}`
  })
  return rounds.length === 0
    ? `${title}: nothing was measured.`
    : `${title}, in round ${rounds.at(-1)}: ${last.join(', ')}.`
}

/** Below the first row, the full barrier, is a gap. */
function topOf(row: number, cellHeight: number): number {
  return row * cellHeight + (row > 0 ? ROW_GAP : 0)
}

function heightOf({ rows }: HeatMapPanel, { cellHeight }: Frame): number {
  return topOf(rows.length, cellHeight)
}

const HATCHING = tag(
  'defs',
  {},
  [
    gradient('better', 1, 0),
    gradient('worse', 0, 1),
    tag(
      'pattern',
      { id: 'hatching', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      tag('line', { class: 'hatch', x1: 0, y1: 0, x2: 0, y2: 6 }),
    ),
  ].join(''),
)

function gradient(id: 'better' | 'worse', from: number, to: number): string {
  const stops = [from, to].map((opacity, i) => tag('stop', { class: `${id}-stop`, offset: i, 'stop-opacity': opacity }))
  return tag('linearGradient', { id }, stops.join(''))
}

const STYLE = `
.number { font-size: 11px; font-variant-numeric: tabular-nums }
.tick { font-size: 11px }
.ground { fill: #f6f7f8 }
.worse { fill: #b2182b }
.better { fill: #2166ac }
.worse-stop { stop-color: #b2182b }
.better-stop { stop-color: #2166ac }
.none { fill: url(#hatching) }
.hatch { stroke: #b6bec7; stroke-width: 1.5 }
.strong { fill: #fff }
@media (prefers-color-scheme: dark) {
  .ground { fill: #20242b }
  .worse { fill: #d0453a }
  .better { fill: #2f74bd }
  .worse-stop { stop-color: #d0453a }
  .better-stop { stop-color: #2f74bd }
  .hatch { stroke: #4a525c }
  .strong { fill: #fff }
}
`
