import { groupBy } from '../core/group-by.ts'
import type { StudyEnd } from '../main/study.ts'
import type { Comparison } from '../rounds/comparison.ts'
import { fixed, kilobytes, ofKind, signedFixed, withSpread } from './comparison-text.ts'
import { describeError } from './error-report.ts'
import { textTable } from './text-table.ts'

export interface StudyCell extends Omit<Comparison['groups'][number], 'name' | 'values'> {
  readonly variant: string
  readonly condition: string
}

/** A line for each variant under each condition: mean ± standard deviation over the seeds. */
export function studyTable(cells: readonly StudyCell[], axis: string): string {
  const header = [
    axis,
    'variant',
    'seeds',
    'local accuracy',
    'global accuracy',
    'full barrier',
    'layers averaged',
    'kB/round exchanged up',
  ]
  const rows = cells.map((cell, i) => [
    cells[i - 1]?.condition === cell.condition ? '' : cell.condition,
    ...[cell.variant, String(cell.seeds.length)],
    ...[withSpread(cell.clientAccuracy, fixed(4)), withSpread(cell.accuracy, fixed(4))],
    ...[ofKind(withSpread(cell.fullBarrier, signedFixed(4)), cell), withSpread(cell.averagedLayers, fixed(2))],
    withSpread(cell.exchangedUp, kilobytes),
  ])
  return textTable(header, rows)
}

/** Each way in which runs failed, once: the combinations, and what was wrong. */
export function failuresText(failed: StudyEnd['failed']): readonly string[] {
  const alike = groupBy(failed, ({ error }) => error?.message ?? '')
  return [...alike.values()].map(runs => {
    const { error } = runs[0]!
    const names = runs.map(({ variant, condition, seed }) => `${variant}, ${condition}, seed ${seed}`).join('; ')
    return `failed: ${names}${error ? `\n${describeError(error)}` : ''}`
  })
}
