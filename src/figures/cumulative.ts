import type { BarrierRecord } from '../core/records.ts'
import { lineChart } from './line-chart.ts'
import { BASE_TITLES, type Base, COMPARED, nameOf, probeWords } from './words.ts'

/** What a figure of cumulative barriers tells of. */
export interface CumulativeBarriers {
  readonly run: string
  readonly name: string
  readonly rounds: readonly number[]
  readonly value: keyof typeof MEASURES
  readonly height: string
  readonly split: BarrierRecord['split']
  readonly between: keyof typeof COMPARED
  /** Whose rows alone are shown. */
  readonly probe?: number | undefined
  readonly panels: readonly { readonly base: Base; readonly lines: readonly Line[] }[]
}

interface Line {
  readonly order: NonNullable<BarrierRecord['order']>
  readonly round: number
  /** When 1, 2, … layers have joined. */
  readonly values: readonly (number | null)[]
}

/** Cumulative barriers against the number of layers that have joined: a line for each order and round, a panel for each base. */
export function cumulativeFigure({ run, name, rounds, panels, ...asked }: CumulativeBarriers): string {
  const { value, height, split, between, probe } = asked
  const { what, unit, barrier } = MEASURES[value]
  const details = [
    nameOf(name, run),
    COMPARED[between],
    ...(barrier ? [`${split} examples`] : []),
    ...(height === 'midpoint' || !barrier ? [] : [`height ${height}`]),
    ...probeWords(probe),
  ]
  const orders = new Set(panels.flatMap(({ lines }) => lines.map(({ order }) => order)))
  const called = ({ order, round }: Line) => {
    if (rounds.length === 1) return ORDERS[order]
    return orders.size === 1 ? `round ${round}` : `${order}, round ${round}`
  }
  const inRound = rounds.length === 1 ? `, round ${rounds[0]}` : ''
  const inOrder = rounds.length > 1 && orders.size === 1 ? `, ${ORDERS[[...orders][0]!]}` : ''
  return lineChart({
    title: `Cumulative ${what}${inRound}${inOrder}`,
    subtitle: details.join(' · '),
    x: { title: 'number of layers that have joined' },
    y: { title: unit, zero: barrier },
    panels: panels.map(({ base, lines }) => ({
      title: BASE_TITLES[base],
      series: lines.map(line => ({
        name: called(line),
        points: line.values.map((y, i) => ({ x: i + 1, y })),
      })),
    })),
    ...(barrier ? { note: 'Above 0 the mix is worse than the mean of the two models. Mean over pairs.' } : {}),
  })
}

const ORDERS = {
  shallow: 'shallow: from the input',
  deep: 'deep: from the output',
  random: 'random',
  minimal: 'minimal: first and last first',
} as const

const MEASURES = {
  error: { barrier: true, what: 'barriers of the error', unit: 'Barrier, as a fraction of the examples' },
  loss: { barrier: true, what: 'barriers of the loss', unit: 'Barrier, in nats per example' },
  distance: { barrier: false, what: 'distance of the models', unit: 'Distance, in units of the parameters' },
  cosine: { barrier: false, what: 'cosine of the models', unit: 'Cosine' },
} as const
