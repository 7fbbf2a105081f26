import type { BarrierRecord } from '../core/records.ts'
import { lineChart } from './line-chart.ts'
import { BASE_TITLES, COMPARED, nameOf, probeWords } from './words.ts'

/** What a figure of curves tells of: one round of a run. */
export interface InterpolationCurves {
  readonly run: string
  readonly name: string
  readonly round: number
  readonly value: 'error' | 'loss'
  readonly split: BarrierRecord['split']
  readonly between: keyof typeof COMPARED
  /** Whose rows alone are shown. */
  readonly probe?: number | undefined
  readonly panels: readonly { readonly base: '1' | '2'; readonly curves: readonly Curve[] }[]
}

interface Curve {
  /** null: all layers move. */
  readonly layer: string | null
  readonly interpolation: readonly number[]
  readonly values: readonly (number | null)[]
}

/** Loss or error along the full path and the layers' paths, at the coefficients that were measured, a panel for each base. */
export function interpolationFigure({ run, name, round, panels, ...asked }: InterpolationCurves): string {
  const { value, split, between, probe } = asked
  return lineChart({
    title: `${value === 'error' ? 'Error' : 'Loss'} along the paths, round ${round}`,
    subtitle: [nameOf(name, run), COMPARED[between], `${split} examples`, ...probeWords(probe)].join(' · '),
    x: { title: 'interpolation: share of the second model', ticks: TICKS },
    y: { title: MEASURES[value] },
    panels: panels.map(({ base, curves }) => ({
      title: BASE_TITLES[base],
      series: curves.map(({ layer, interpolation, values }) => ({
        name: layer ?? 'full',
        points: interpolation.map((x, i) => ({ x, y: values[i] ?? null })),
      })),
    })),
    note: 'full: all layers move. A layer: only it moves, the others stay those of the base. Mean over pairs.',
  })
}

const TICKS = [0, 0.25, 0.5, 0.75, 1].map(at => ({ at, label: String(at) }))

const MEASURES = { error: 'Error, as a fraction of the examples', loss: 'Loss, in nats per example' } as const
