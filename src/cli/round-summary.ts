import { groupBy } from '../core/group-by.ts'
import type { BarrierRecord, RoundRecord } from '../core/records.ts'

type Measured = Pick<BarrierRecord, 'path' | 'layer' | 'split' | 'errorBarrier'>

/** The barriers of one round in few numbers: error barriers (fractions), averaged over pairs and bases. */
export interface BarrierSummary {
  readonly full: number | null
  /** By layer, in the order in which they were measured: input to output. */
  readonly layers: ReadonlyMap<string, number>
}

/** On the test set when it was probed there, else on the training data. */
export function summarizeBarriers(barriers: readonly Measured[]): BarrierSummary {
  const split = barriers.some(barrier => barrier.split === 'test') ? 'test' : 'train'
  const shown = barriers.filter(barrier => barrier.split === split)
  const layers = groupBy(
    shown.filter(barrier => barrier.path === 'layer'),
    barrier => barrier.layer ?? '',
  )
  const means = [...layers].map(([layer, group]) => [layer, mean(group)] as const)
  return {
    full: mean(shown.filter(barrier => barrier.path === 'full')),
    layers: new Map(means.filter((entry): entry is [string, number] => entry[1] !== null)),
  }
}

/** The layer whose averaging costs most. */
export function worstLayer({ layers }: BarrierSummary): readonly [layer: string, error: number] | null {
  return [...layers].reduce<[string, number] | null>(
    (worst, entry) => (worst === null || entry[1] > worst[1] ? entry : worst),
    null,
  )
}

export function number(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(4)
}

/** With its sign, because a barrier below zero means that averaging helps. */
export function signed(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
}

/** "10 ok", "8 ok, 1 dropped, 2 rejected (1 diverged)". */
export function outcomes({ completed, dropped, rejected }: RoundRecord['clients'], trainingDiverged = 0): string {
  const why = trainingDiverged > 0 ? ` (${trainingDiverged} diverged)` : ''
  return [`${completed} ok`, dropped > 0 && `${dropped} dropped`, rejected > 0 && `${rejected} rejected${why}`]
    .filter(Boolean)
    .join(', ')
}

function mean(barriers: readonly Measured[]): number | null {
  const values = barriers.flatMap(({ errorBarrier }) => (errorBarrier === null ? [] : [errorBarrier]))
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}
