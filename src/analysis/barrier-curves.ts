import { z } from 'zod'
import { groupBy } from '../core/group-by.ts'
import type { BarrierRecord } from '../core/records.ts'
import { listText, nameText, wholeNumber } from '../core/text-values.ts'
import { kindOf, matrixQuestion } from './barrier-matrix.ts'
import { curveOf } from './height.ts'

const { split, between } = matrixQuestion.shape

/** Which curves of one round: loss or error along the full path and along the paths of single layers. */
export const curvesQuestion = z.strictObject({
  round: wholeNumber(0).optional().meta({ description: 'the last one with such curves unless told' }),
  layers: listText(nameText(200))
    .optional()
    .meta({ description: 'beside the full path, e.g. fc1,fc3; all that were measured unless told' }),
  value: z
    .enum(['error', 'loss'])
    .default('error')
    .meta({ description: 'the measure: error as a fraction, or loss in nats per example' }),
  split,
  between,
  base: z.enum(['1', '2']).optional().meta({ description: 'a panel for each of the two unless told' }),
})

export type CurvesQuestion = z.infer<typeof curvesQuestion>

export interface MeanCurve {
  /** The layer that moves; null where all of them do. */
  readonly layer: string | null
  /** Coefficients of the second model. */
  readonly interpolation: readonly number[]
  /** Mean over the pairs; null where one of them was not finite. */
  readonly values: readonly (number | null)[]
}

/** Whether a record may have a part in the answer, whatever its round and its layer. */
export function isCurve(
  { path, split, between }: BarrierRecord,
  question: Pick<CurvesQuestion, 'split' | 'between'>,
): boolean {
  return (path === 'full' || path === 'layer') && split === question.split && kindOf(between) === question.between
}

/**
 * The full path, then each layer's into `base`, input to output: the mean over pairs at each stored coefficient. Where a
 * probe measured a path again on a finer grid, the finest is taken, and the pairs that were measured on it.
 */
export function meanCurves(
  records: readonly BarrierRecord[],
  layers: readonly string[],
  measure: 'loss' | 'error',
  base: '1' | '2',
): readonly MeanCurve[] {
  const shown = records.filter(record => record.path === 'full' || String(record.base) === base)
  const byLayer = groupBy(shown, ({ path, layer }) => (path === 'full' ? null : layer))
  const known = [null, ...layers].filter(layer => byLayer.has(layer))
  return [...new Set([...known, ...byLayer.keys()])].map(layer => {
    const group = byLayer.get(layer)!
    const finest = group.reduce((most, { interpolation }) => Math.max(most, interpolation.length), 0)
    const curves = group
      .filter(({ interpolation }) => interpolation.length === finest)
      .map(record => curveOf(record, measure))
    const { interpolation } = curves[0]!
    return { layer, interpolation, values: interpolation.map((_, i) => mean(curves.map(({ values }) => values[i]!))) }
  })
}

function mean(values: readonly (number | null)[]): number | null {
  let sum = 0
  for (const value of values) {
    if (value === null) return null
    sum += value
  }
  return sum / values.length
}
