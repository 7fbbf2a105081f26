import { lineChart } from './line-chart.ts'

/** What a figure of a study tells of. */
export interface StudyOutcome {
  readonly name: string
  readonly axis: string
  readonly seeds: number
  readonly variants: readonly string[]
  readonly conditions: readonly string[]
  readonly cells: readonly StudyCell[]
}

export interface StudyCell {
  readonly variant: string
  readonly condition: string
  /** On each client's own test examples, mean over the clients; fractions. */
  readonly clientAccuracy: OverSeeds
  /** On the central test set. */
  readonly accuracy: OverSeeds
}

interface OverSeeds {
  readonly mean: number | null
  readonly standardDeviation: number | null
}

/** Local and global accuracy of each variant under each condition, with whiskers for the seeds. */
export function studyFigure({ name, axis, seeds, variants, conditions, cells }: StudyOutcome): string {
  const panel = (title: string, key: 'clientAccuracy' | 'accuracy') => ({
    title,
    series: variants.map(variant => ({
      name: variant,
      points: conditions.map((condition, x) => {
        const cell = cells.find(candidate => candidate.variant === variant && candidate.condition === condition)
        return { x, y: cell?.[key].mean ?? null, spread: cell?.[key].standardDeviation }
      }),
    })),
  })
  return lineChart({
    title: `${name}: local and global accuracy`,
    subtitle: `after the last round, mean over ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}`,
    x: { title: axis, ticks: conditions.map((label, at) => ({ at, label })), margin: 1 },
    y: { title: 'Accuracy, as a fraction of the examples' },
    panels: [
      panel("Local: each client's own test examples, mean", 'clientAccuracy'),
      panel('Global: the central test set', 'accuracy'),
    ],
    ...(seeds > 1 ? { note: 'Whiskers: one standard deviation over the seeds, up and down.' } : {}),
  })
}
