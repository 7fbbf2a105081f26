import { z } from 'zod'
import { groupBy } from '../core/group-by.ts'
import type { BarrierRecord } from '../core/records.ts'
import { listText, nameText, wholeNumber } from '../core/text-values.ts'
import { matrixQuestion } from './barrier-matrix.ts'
import { type Curve, curveOf } from './height.ts'
import { comparedIn, mean, reportedOf } from './heights.ts'

const { split, between, probe } = matrixQuestion.shape

/** Which curves of one round: loss or error along the full path and along the paths of single layers. */
export const curvesQuestion = z.strictObject({
  round: wholeNumber(0).optional().meta({ description: 'default: the last one that the run measured such curves of' }),
  layers: listText(nameText(200))
    .optional()
    .meta({ description: 'beside the full path, e.g. fc1,fc3; default: all that were measured' }),
  value: z
    .enum(['error', 'loss'])
    .default('error')
    .meta({ description: 'the measure: error as a fraction, or loss in nats per example' }),
  split,
  between,
  base: z.enum(['1', '2']).optional().meta({ description: 'default: one panel for each' }),
  probe,
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
  record: BarrierRecord,
  { split, between, probe }: Pick<CurvesQuestion, 'split' | 'between' | 'probe'>,
): boolean {
  if (record.path !== 'full' && record.path !== 'layer') return false
  if (probe !== undefined && record.probe !== probe) return false
  return record.split === split && comparedIn(record) === between
}

/**
 * The full path, then each layer's into `base`, input to output: the mean over pairs at each stored coefficient, of the
 * records that heights are of as well (`reportedOf`), all of one round. Where a probe measured one of these curves again
 * on a finer grid, the coefficients between are its; so the values at the others stay what they were.
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
    const place = byLayer.get(layer)!
    const pairs = groupBy(reportedOf(place), ({ between }) => between.join('|'))
    const curves = [...pairs.values()].map(([first]) => curveOf(finest(first!, place), measure))
    const [{ interpolation: candidates }, ...others] = curves as [Curve, ...Curve[]]
    const interpolation = candidates.filter(t => others.every(other => other.interpolation.includes(t)))
    const valueAt = (t: number) => mean(curves.map(({ interpolation: grid, values }) => values[grid.indexOf(t)]!))
    return { layer, interpolation, values: interpolation.map(valueAt) }
  })
}

/** The finest of the records that are this curve again: the same pair, and every value that both have the same in every bit. */
function finest(record: BarrierRecord, place: readonly BarrierRecord[]): BarrierRecord {
  const pair = record.between.join('|')
  return place
    .filter(({ between }) => between.join('|') === pair)
    .reduce(
      (best, other) =>
        other.interpolation.length > best.interpolation.length && refines(other, record) ? other : best,
      record,
    )
}

/** On other examples, or another engine, they differ. */
function refines(finer: BarrierRecord, coarse: BarrierRecord): boolean {
  return (['loss', 'error'] as const).every(measure => {
    const [a, b] = [curveOf(finer, measure), curveOf(coarse, measure)]
    const same = (t: number, i: number) => {
      const at = a.interpolation.indexOf(t)
      return at >= 0 && a.values[at] === b.values[i]
    }
    return b.interpolation.every(same) && b.endpoints.every((value, i) => value === a.endpoints[i])
  })
}
