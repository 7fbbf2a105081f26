import type { Endpoint } from '../../analysis/evaluation.ts'
import { pathSpecs } from '../../analysis/paths/registry.ts'
import { probeBarriers } from '../../analysis/probe.ts'
import type { LayerLayout } from '../../core/layout.ts'
import type { BarrierRecord } from '../../core/records.ts'
import { createRng } from '../../core/rng.ts'
import type { DataOptions } from '../../data/index.ts'
import type { ModelOptions } from '../../models/index.ts'
import type { Context } from '../context.ts'
import type { Part } from '../tasks/train.ts'

/** Two trained models, and the examples on which what lies between them is measured. */
export interface Pair {
  readonly label: string
  readonly model: ModelOptions
  readonly data: DataOptions
  readonly layout: LayerLayout
  readonly a: Endpoint
  readonly b: Endpoint
  readonly part: Part
}

/** Barriers at the midpoint of the paths of these kinds; cumulative ones in the orders shallow and deep. */
export async function barriersOf(
  context: Context,
  { layout, a, b, model, data, part }: Pair,
  kinds: readonly BarrierRecord['path'][],
): Promise<readonly BarrierRecord[]> {
  const paths = pathSpecs(kinds as never, layout, { orders: ['shallow', 'deep'], rng: createRng(0, 'orders') })
  const evaluate = context.evaluator(model, data, part)
  return probeBarriers({ round: 0, layout, a, b, paths, grid: [0.5], split: part.split, evaluate })
}

/** The full error barrier, in points. */
export function fullBarrier(records: readonly BarrierRecord[]): number {
  return points(records.find(({ path }) => path === 'full')?.errorBarrier)
}

/** By layer, input to output: the error barrier in points, the worse of the two bases. */
export function layerBarriers(layout: LayerLayout, records: readonly BarrierRecord[]): readonly number[] {
  return layout.blocks.map(({ name }) => worst(records.filter(({ path, layer }) => path === 'layer' && layer === name)))
}

/** Step by step as layers join in `order`: the error barrier in points, the worse of the two bases. */
export function cumulativeBarriers(
  layout: LayerLayout,
  records: readonly BarrierRecord[],
  order: 'shallow' | 'deep',
): readonly number[] {
  const steps = records.filter(record => record.path === 'cumulative' && record.order === order)
  return layout.blocks.map((_, k) => worst(steps.filter(({ layers }) => layers.length === k + 1)))
}

function worst(records: readonly BarrierRecord[]): number {
  return records.reduce((most, { errorBarrier }) => Math.max(most, points(errorBarrier)), Number.NEGATIVE_INFINITY)
}

/** A fraction as points (hundredths); NaN for a value that was not finite, which then passes no bound. */
export function points(fraction: number | null | undefined): number {
  return 100 * (fraction ?? Number.NaN)
}
