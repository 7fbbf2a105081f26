import type { BarrierRecord } from '../core/records.ts'
import { heatMap } from './heat-map.ts'

type Base = '1' | '2' | 'mean' | 'max'

/** What a figure of barriers tells of. */
export interface BarrierHistory {
  /** The run's id, and its name. */
  readonly run: string
  readonly name: string
  readonly path: 'layer' | 'cumulative'
  /** Of a cumulative path. */
  readonly order: NonNullable<BarrierRecord['order']>
  readonly value: 'error' | 'loss'
  readonly height: string
  readonly split: BarrierRecord['split']
  readonly between: 'clients' | 'global'
  readonly panels: readonly { readonly base: Base; readonly matrix: Matrix }[]
}

interface Matrix {
  readonly rows: readonly string[]
  readonly rounds: readonly number[]
  readonly values: readonly (readonly (number | null)[])[]
}

/** Barriers by layer and round as a heat map, one panel for each base. */
export function barrierFigure(history: BarrierHistory): string {
  const { run, name, path, order, value, height, split, between, panels } = history
  const kind = path === 'layer' ? 'Layer-wise' : 'Cumulative'
  const models = between === 'clients' ? 'between clients' : 'between clients and the global model'
  const details = [
    name === run ? run : `${name}, run ${run}`,
    models,
    `${split} examples`,
    ...(path === 'cumulative' ? [`order ${order}`] : []),
    ...(height === 'midpoint' ? [] : [`height ${height}`]),
  ]
  return heatMap({
    title: `${kind} barriers of the ${value}, by round`,
    subtitle: details.join(' · '),
    panels: panels.map(({ base, matrix }) => ({ ...matrix, title: BASE_TITLES[base] })),
    legend: `Barrier, ${UNITS[value]}. Blue: the mix is better than the mean of the two models; red: worse.`,
  })
}

const BASE_TITLES: Readonly<Record<Base, string>> = {
  1: 'Base 1: into the first model',
  2: 'Base 2: into the second model',
  mean: 'Mean of both bases',
  max: 'The larger of both bases',
}

const UNITS = { error: 'as a fraction of the examples', loss: 'in nats per example' } as const
