import { groupBy } from '../core/group-by.ts'
import type { BarrierRecord, Compared } from '../core/records.ts'
import { barrierHeight, curveOf, type HeightDefinition } from './height.ts'

/** Of two bases: one of them, or how both become one number. */
export type BaseHandling = '1' | '2' | 'mean' | 'max'

/** How one record is one number: the measure, and where that is loss or error the definition of the height. */
export interface HeightQuestion {
  readonly value: 'error' | 'loss' | 'distance' | 'cosine'
  readonly height: HeightDefinition
  readonly base: BaseHandling
}

/** What every table of a person shows unless told otherwise, and what the metrics `barrier/…/error` hold. */
export const ERROR_AT_MIDPOINT = { value: 'error', height: 'midpoint', base: 'mean' } as const satisfies HeightQuestion
export const LOSS_AT_MIDPOINT = { ...ERROR_AT_MIDPOINT, value: 'loss' } as const satisfies HeightQuestion

/** What a number is the height of: two numbers of one place are one quantity, those of two places never are. */
export interface Place extends Readonly<Pick<BarrierRecord, 'round' | 'path' | 'layer' | 'order' | 'split'>> {
  /** All that move. */
  readonly layers: readonly string[]
  readonly compared: Compared
}

/** What the aggregate needs of one record: a run's curves need not be held at once. */
export interface HeightCell extends Place {
  /** The two models, or the members of a group. */
  readonly pair: string
  readonly base: BarrierRecord['base']
  readonly value: number | null
  /** The probe that measured it afterwards; null for the round's own. */
  readonly probe: number | null
}

/** One height of one place: what every reader of barriers shows. */
export interface Height extends Place {
  /** In the unit of the measure: nats per example, or a fraction. null where one that it is made of is not finite. */
  readonly value: number | null
  /** Pairs of models, or groups, behind it. */
  readonly pairs: number
  readonly probe: number | null
}

/** What the ends of a barrier are. */
export function comparedIn({
  path,
  between,
}: Readonly<Pick<BarrierRecord, 'path'>> & { readonly between: readonly string[] }): Compared {
  if (path === 'group') return 'group'
  const second = between[1]
  return second === 'global' || second === 'init' ? second : 'clients'
}

/** Without the other base, where one is asked for. */
export function cellsOf(records: readonly BarrierRecord[], question: HeightQuestion): readonly HeightCell[] {
  const both = question.base === 'mean' || question.base === 'max'
  return records
    .filter(({ base }) => both || base === null || String(base) === question.base)
    .map(record => {
      const { round, path, layer, layers, order, split, base, between, probe = null } = record
      const place = { round, path, layer, layers, order, split, compared: comparedIn(record) }
      return { ...place, base, probe, pair: between.join('|'), value: measureOf(record, question) }
    })
}

/**
 * From barrier records to numbers, the only way there is: by place; of each place the records that are reported
 * (`reportedOf`); bases joined within a pair, then pairs averaged. One height that is null makes the aggregate null: a mean
 * over what is left would hide a model that diverged. Records in the order in which they were stored; heights in the order
 * in which their places first come.
 */
export function heightsOf(records: readonly BarrierRecord[], question: HeightQuestion): readonly Height[] {
  return heightsOfCells(cellsOf(records, question), question)
}

export function heightsOfCells(
  cells: readonly HeightCell[],
  { base }: Pick<HeightQuestion, 'base'>,
): readonly Height[] {
  const ofPair = base === 'max' ? largest : mean
  return [...groupBy(cells, placeOf).values()].map(group => {
    const reported = reportedOf(group)
    const pairs = [...groupBy(reported, ({ pair }) => pair).values()]
    const { pair: _pair, base: _base, value: _value, ...place } = reported[0]!
    return { ...place, value: mean(pairs.map(bases => ofPair(once(bases)))), pairs: pairs.length }
  })
}

/**
 * Of the records of one place those that count: what the round itself measured, and only where it measured nothing, what
 * the probe measured whose records were stored first. So no probe changes a number that was there, its pairs do not join
 * those of another, and nothing counts twice.
 */
export function reportedOf<T extends { readonly probe?: number | null | undefined }>(
  place: readonly T[],
): readonly T[] {
  const own = place.filter(({ probe = null }) => probe === null)
  return own.length > 0 ? own : place.filter(({ probe }) => probe === place[0]!.probe)
}

/** The last round that the run itself measured; of a run that measured none the last that a probe did. null for none. */
export function lastRound(measured: readonly Pick<HeightCell, 'round' | 'probe'>[]): number | null {
  const own = measured.filter(({ probe }) => probe === null)
  return (own.length > 0 ? own : measured).reduce<number | null>(
    (last, { round }) => Math.max(last ?? round, round),
    null,
  )
}

/** Equal for what is the same quantity in the same round. */
export function placeOf({ round, path, layer, layers, order, split, compared }: Place): string {
  return JSON.stringify([round, path, layer, path === 'group' ? [] : layers, order, split, compared])
}

/** Each base of a pair once. */
function once(bases: readonly HeightCell[]): readonly (number | null)[] {
  return [...groupBy(bases, ({ base }) => base).values()].map(([first]) => first!.value)
}

function measureOf(record: BarrierRecord, { value, height }: HeightQuestion): number | null {
  if (value === 'distance' || value === 'cosine') return record[value]
  if (height === 'midpoint') return record[`${value}Barrier`]
  if (record.path === 'group') return null // it has no curve
  return barrierHeight(curveOf(record, value), height)
}

/** null for nothing, and where one is null. */
export function mean(heights: readonly (number | null)[]): number | null {
  return isMeasured(heights) ? heights.reduce((sum, height) => sum + height, 0) / heights.length : null
}

function largest(heights: readonly (number | null)[]): number | null {
  return isMeasured(heights) ? heights.reduce((most, height) => Math.max(most, height), Number.NEGATIVE_INFINITY) : null
}

function isMeasured(heights: readonly (number | null)[]): heights is readonly number[] {
  return heights.length > 0 && heights.every(height => height !== null)
}
