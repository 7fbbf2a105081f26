/** From values to pixels, and the marks along the way. */
export interface Axis {
  readonly ticks: readonly Tick[]
  /** The pixel of a value. */
  place(value: number): number
}

export interface Tick {
  readonly at: number
  readonly label: string
}

export interface Span {
  readonly low: number
  readonly high: number
}

/** An axis a little longer than `span`, with about `count` marks at round numbers; it goes no further than an end at 0. */
export function roundAxis(span: Span, count: number, from: number, to: number): Axis {
  const { low, high } = padded(widened(span))
  const step = roundStep((high - low) / count)
  return axisOf(ticksOf(firstTick(low, step), lastTick(high, step), step), { low, high }, from, to)
}

/** An axis from the lowest to the highest value, with marks at whole numbers between them. */
export function wholeAxis({ low, high }: Span, count: number, from: number, to: number): Axis {
  const step = Math.max(1, roundStep((high - low) / count))
  const ticks = ticksOf(firstTick(low, step), lastTick(high, step), step)
  const ends = low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high }
  return axisOf(ticks, ends, from, to)
}

/** An axis with marks that are given, e.g. names at 0, 1, 2 …; the ends lie half of `margin` beyond them. */
export function markedAxis(ticks: readonly Tick[], margin: number, from: number, to: number): Axis {
  const places = ticks.map(({ at }) => at)
  const ends = { low: Math.min(...places) - margin / 2, high: Math.max(...places) + margin / 2 }
  return axisOf(ticks, ends.low === ends.high ? widened(ends) : ends, from, to)
}

/** The lowest and the highest; 0 and 1 of nothing. */
export function spanOf(values: readonly number[]): Span {
  if (values.length === 0) return { low: 0, high: 1 }
  const low = values.reduce((least, value) => Math.min(least, value))
  return { low, high: values.reduce((most, value) => Math.max(most, value)) }
}

function axisOf(ticks: readonly Tick[], { low, high }: Span, from: number, to: number): Axis {
  return { ticks, place: value => from + ((value - low) / (high - low)) * (to - from) }
}

function ticksOf(first: number, last: number, step: number): Tick[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const at = (first + i) * step
    return { at, label: labelOf(at, step, Math.max(Math.abs(first), Math.abs(last)) * step) }
  })
}

function firstTick(low: number, step: number): number {
  return Math.ceil(low / step - EPSILON)
}

function lastTick(high: number, step: number): number {
  return Math.floor(high / step + EPSILON)
}

/** As many decimals as the step has; powers of ten where there would be too many digits. */
function labelOf(value: number, step: number, most: number): string {
  const power = Math.floor(Math.log10(step) + EPSILON)
  if (Math.abs(value) < step / 2) return '0'
  const isPlain = most < 1e6 && power >= -4
  const digits = isPlain ? Math.max(0, -power) : Math.max(0, Math.floor(Math.log10(Math.abs(value)) + EPSILON) - power)
  const words = isPlain ? Math.abs(value).toFixed(digits) : Math.abs(value).toExponential(digits)
  return value < 0 ? `−${words}` : words
}

/** The smallest of 1, 2, 5, 10, 20, 50 … that is not below `least`. */
function roundStep(least: number): number {
  if (!(least > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  const factor = [1, 2, 5, 10].find(candidate => candidate * power >= least * (1 - EPSILON)) ?? 10
  return factor * power
}

/** A span of one value has no length to divide. */
function widened({ low, high }: Span): Span {
  if (high > low) return { low, high }
  const room = low === 0 ? 1 : Math.abs(low) / 10
  return { low: low - room, high: high + room }
}

function padded({ low, high }: Span): Span {
  const room = (high - low) * 0.04
  return { low: low === 0 ? 0 : low - room, high: high === 0 ? 0 : high + room }
}

/** What rounding may do to a quotient that should be whole. */
const EPSILON = 1e-9
