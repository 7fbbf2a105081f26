import type { BarrierRecord } from '../core/records.ts'
import { heatMap } from './heat-map.ts'
import { BASE_TITLES, type Base, COMPARED, nameOf, probeWords } from './words.ts'

/** What a figure of barriers tells of. */
export interface BarrierHistory {
  /** The run's id, and its name. */
  readonly run: string
  readonly name: string
  readonly path: 'layer' | 'cumulative'
  /** Of a cumulative path. */
  readonly order: NonNullable<BarrierRecord['order']>
  readonly value: keyof typeof MEASURES
  readonly height: string
  readonly split: BarrierRecord['split']
  readonly between: keyof typeof COMPARED
  /** Whose rows alone are shown. */
  readonly probe?: number | undefined
  readonly panels: readonly { readonly base: Base; readonly matrix: Matrix }[]
}

interface Matrix {
  readonly rows: readonly string[]
  readonly rounds: readonly number[]
  readonly values: readonly (readonly (number | null)[])[]
}

/** Barriers by layer and round as a heat map, one panel for each base. */
export function barrierFigure(history: BarrierHistory): string {
  const { run, name, path, order, value, height, split, between, probe, panels } = history
  const kind = path === 'layer' ? 'Layer-wise' : 'Cumulative'
  const { what, unit, barrier } = MEASURES[value]
  const details = [
    nameOf(name, run),
    COMPARED[between],
    ...(barrier ? [`${split} examples`] : []),
    ...(path === 'cumulative' ? [`order ${order}`] : []),
    ...(height === 'midpoint' || !barrier ? [] : [`height ${height}`]),
    ...probeWords(probe),
  ]
  return heatMap({
    title: `${kind} ${what}, by round`,
    subtitle: details.join(' · '),
    panels: panels.map(({ base, matrix }) => ({ ...matrix, title: BASE_TITLES[base] })),
    legend: unit,
  })
}

const SIGN = 'Blue: the mix is better than the mean of the two models; red: worse.'

const MEASURES = {
  error: { barrier: true, what: 'barriers of the error', unit: `Barrier, as a fraction of the examples. ${SIGN}` },
  loss: { barrier: true, what: 'barriers of the loss', unit: `Barrier, in nats per example. ${SIGN}` },
  distance: {
    barrier: false,
    what: 'distance of the models',
    unit: 'Length of the difference of the two models, in units of the parameters.',
  },
  cosine: { barrier: false, what: 'cosine of the models', unit: 'Cosine between the parameters of the two models.' },
} as const
