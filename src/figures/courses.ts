import { lineChart } from './line-chart.ts'

/** What a figure of accuracy tells of: runs, round by round. */
export interface Courses {
  readonly value: 'accuracy' | 'loss'
  readonly panels: readonly { readonly on: 'test' | 'clients'; readonly courses: readonly Course[] }[]
}

interface Course {
  readonly run: string
  readonly name: string
  /** `over`: the mean of how many models; null where nobody said. */
  readonly points: readonly { readonly round: number; readonly value: number | null; readonly over: number | null }[]
}

/** Accuracy or loss by round, a line for each run, a panel for each kind of examples. */
export function coursesFigure({ value, panels }: Courses): string {
  const runs = panels[0]?.courses ?? []
  const names = runs.map(({ name }) => name)
  const called = ({ name, run }: Course) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} ${run}`)
  const { what, unit } = MEASURES[value]
  const own = panels
    .filter(({ on }) => on === 'test')
    .flatMap(({ courses }) => courses.filter(({ points }) => points.some(({ over }) => over !== null && over > 1)))
  return lineChart({
    title: `${what} by round`,
    subtitle: runs.length === 1 ? `${runs[0]!.name}, run ${runs[0]!.run}` : `${runs.length} runs`,
    x: { title: 'round' },
    y: { title: unit },
    panels: panels.map(({ on, courses }) => ({
      title: PANELS[on],
      series: courses.map(course => ({
        name: called(course),
        points: course.points.map(({ round, value: y }) => ({ x: round, y })),
      })),
    })),
    ...(own.length > 0
      ? { note: `On the central test set the mean over the clients’ own models: ${own.map(called).join(', ')}.` }
      : {}),
  })
}

const PANELS = {
  test: 'Central test set',
  clients: "Each client's own test examples, mean",
} as const

const MEASURES = {
  accuracy: { what: 'Accuracy', unit: 'Accuracy, as a fraction of the examples' },
  loss: { what: 'Loss', unit: 'Loss, in nats per example' },
} as const
