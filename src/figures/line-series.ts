import type { Axis, Tick } from './axis.ts'
import { escaped, shown, tag } from './svg.ts'

export interface LineSeries {
  /** The same name in several panels is the same series: one line of the legend, one colour. */
  readonly name: string
  /** In the order in which they are joined. */
  readonly points: readonly LinePoint[]
}

export interface LinePoint {
  readonly x: number
  /** null: the line has a gap here. */
  readonly y: number | null
  /** How far y was spread, up and down, e.g. a standard deviation: drawn as a whisker. */
  readonly spread?: number | null | undefined
}

interface Place {
  readonly x: number
  readonly y: number
}

export interface Plot {
  readonly x: Axis
  readonly y: Axis
  /** Of x where they have names. */
  readonly ticks?: readonly Tick[] | undefined
  /** How far the series is moved aside, in pixels, so that its whiskers cover no other's. */
  readonly aside: number
}

/** Closer together, points would be one thick line. */
const APART = 9

/** The line, a dot for each point where there is room, and whiskers. `style` is the series' number in the legend. */
export function drawSeries({ name, points }: LineSeries, style: number, plot: Plot): string {
  const places = points.map(({ x, y }) => (y === null ? null : { x: plot.x.place(x) + plot.aside, y: plot.y.place(y) }))
  const runs = runsOf(places)
  const hint = tag('title', {}, escaped(name))
  const line = tag('path', { class: `line ${styleOf(style)}`, d: runs.map(pathOf).join(' ') }, hint)
  const dots = points.map((point, i) => {
    const place = places[i] ?? null
    if (place === null || !(isLonely(places, i) || isRoomy(places))) return ''
    const words = `${name}, ${placeName(point.x, plot.ticks)}: ${shown(point.y!)}${spreadWords(point)}`
    const dot = { class: `dot ${styleOf(style)}`, cx: place.x, cy: place.y, r: 3 }
    return whiskerOf(point, place, style, plot) + tag('circle', dot, tag('title', {}, escaped(words)))
  })
  return tag('g', {}, [runs.some(run => run.length > 1) ? line : '', ...dots].filter(part => part !== '').join('\n'))
}

/** A piece of the line, as the legend shows it. */
export function sampleOf(style: number, x: number, y: number, width: number): string {
  const line = tag('path', { class: `line ${styleOf(style)}`, d: `M${x} ${y}H${x + width}` })
  return line + tag('circle', { class: `dot ${styleOf(style)}`, cx: x + width / 2, cy: y, r: 3 })
}

/** One line on where a series begins and ends, for those who cannot see it. */
export function describeSeries({ name, points }: LineSeries, ticks: readonly Tick[] | undefined): string {
  const measured = points.filter(({ y }) => y !== null)
  const [first, last] = [measured[0], measured.at(-1)]
  if (!first || !last) return `${name} no value`
  const end = `${shown(last.y!)} at ${placeName(last.x, ticks)}`
  return first === last ? `${name} ${end}` : `${name} ${shown(first.y!)} at ${placeName(first.x, ticks)}, ${end}`
}

function whiskerOf({ y, spread }: LinePoint, { x }: Place, style: number, plot: Plot): string {
  if (y === null || !spread) return ''
  const [top, bottom] = [plot.y.place(y + spread), plot.y.place(y - spread)].map(rounded)
  const [left, middle, right] = [x - 3, x, x + 3].map(rounded)
  const d = `M${left} ${top}H${right}M${middle} ${top}V${bottom}M${left} ${bottom}H${right}`
  return tag('path', { class: `whisker ${styleOf(style)}`, d })
}

function spreadWords({ spread }: LinePoint): string {
  return spread === null || spread === undefined ? '' : ` ± ${shown(spread)}`
}

function placeName(x: number, ticks: readonly Tick[] | undefined): string {
  return ticks?.find(({ at }) => at === x)?.label ?? String(Math.round(x * 1e4) / 1e4)
}

/** The stretches without a gap. */
function runsOf(places: readonly (Place | null)[]): readonly (readonly Place[])[] {
  const runs: Place[][] = [[]]
  for (const place of places)
    if (place === null) runs.push([])
    else runs.at(-1)!.push(place)
  return runs.filter(run => run.length > 0)
}

function pathOf(run: readonly Place[]): string {
  return `M${run.map(({ x, y }) => `${rounded(x)} ${rounded(y)}`).join('L')}`
}

function isLonely(places: readonly (Place | null)[], i: number): boolean {
  return !places[i - 1] && !places[i + 1]
}

function isRoomy(places: readonly (Place | null)[]): boolean {
  const [first, last] = [places.find(Boolean), places.findLast(Boolean)]
  return !first || !last || places.length < 2 || (last.x - first.x) / (places.length - 1) >= APART
}

function rounded(pixel: number): number {
  return Math.round(pixel * 100) / 100
}

/** Colours that stay apart without red or green sight (after Okabe and Ito 2008), dark enough for white and back. */
const LIGHT = ['#0072b2', '#c94f00', '#007f5c', '#b0478a', '#8f6b00', '#4b5563', '#3593c9']
const DARK = ['#4aa8e6', '#ff8f4a', '#31c79a', '#e88cc0', '#dfb63c', '#b3bdc9', '#9ad7ff']

/** With five kinds of line and seven colours, 35 series differ, and neighbours in both. */
const DASHES = ['none', '8 4', '2.5 3', '10 3.5 2.5 3.5', '16 4']

function styleOf(style: number): string {
  return `c${style % LIGHT.length} d${style % DASHES.length}`
}

function colorsOf(colors: readonly string[]): string {
  return colors.map((color, i) => `.c${i} { stroke: ${color} } .dot.c${i} { fill: ${color} }`).join('\n')
}

export const SERIES_STYLE = `
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.whisker { fill: none; stroke-width: 1.25; stroke-opacity: 0.75 }
.dot { stroke: none }
${colorsOf(LIGHT)}
${DASHES.map((dash, i) => `.line.d${i} { stroke-dasharray: ${dash} }`).join('\n')}
@media (prefers-color-scheme: dark) {
${colorsOf(DARK)}
}
`
