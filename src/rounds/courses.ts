import { z } from 'zod'
import { firstFailing } from '../core/promises.ts'
import { seriesOf } from './metric-series.ts'
import type { Store } from './ports.ts'

/** What a course is of: accuracy or loss, on which examples. */
export const courseQuestion = z.strictObject({
  value: z
    .enum(['accuracy', 'loss'])
    .default('accuracy')
    .meta({ description: 'the measure: accuracy as a fraction, or loss in nats per example' }),
  on: z.enum(['test', 'clients']).optional().meta({
    description:
      "the central test set, or each client's own test examples (mean over the cohort, after averaging); default: one panel for each",
  }),
})

export type CourseQuestion = z.infer<typeof courseQuestion>

/** Accuracy or loss of one or several runs, round by round. Throws `run_not_found`. */
export async function readCourses(store: Store, runs: readonly string[], question: CourseQuestion) {
  const { value, on } = question
  const records = await firstFailing([...new Set(runs)].map(id => store.run(id)))
  const panels = []
  for (const examples of on === undefined ? (['test', 'clients'] as const) : [on]) {
    const courses = []
    for (const { id, name } of records)
      courses.push({ run: id, name, points: await courseOf(store, id, examples, value) })
    panels.push({ on: examples, courses })
  }
  return {
    value,
    panels: panels.filter(({ courses }, i) => i === 0 || courses.some(({ points }) => points.length > 0)),
  }
}

/**
 * Rounds that were not evaluated are no points, rounds whose value was not finite are points without a value; `over`: the mean of how many
 * models, null of a run that did not say.
 */
async function courseOf(store: Store, run: string, on: 'test' | 'clients', value: 'accuracy' | 'loss') {
  const key = on === 'test' ? (`eval/${value}` as const) : (`eval/client/${value}/mean` as const)
  const over = await seriesOf(store, run, on === 'test' ? 'eval/models' : `eval/client/${value}/count`)
  return [...(await seriesOf(store, run, key))].map(([round, found]) => {
    return { round, value: found, over: over.get(round) ?? null }
  })
}
