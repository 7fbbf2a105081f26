import type { LayerLayout } from '../../core/layout.ts'
import type { BarrierRecord } from '../../core/records.ts'
import { meanOf } from '../check.ts'
import type { Context } from '../context.ts'
import type { Settings } from '../settings.ts'
import type { BarrierTask, PairTask } from '../tasks/compare.ts'
import type { Part, TrainTask } from '../tasks/train.ts'

/** Two trainings of one architecture on one data set, and the examples on which what lies between them is measured. */
export interface PairSettings {
  readonly label: string
  readonly trainings: readonly [TrainTask, TrainTask]
  readonly part: Part
}

/** The two models, trained. */
export async function trainPair(context: Context, { label, trainings, part }: PairSettings): Promise<Pair> {
  const { model, data } = trainings[0]
  const ends = trainings.map(async (task, index) => {
    const id = `model ${index + 1}`
    return { id, params: await context.train(`${label}: ${id}`, task) }
  })
  const [a, b] = await Promise.all(ends)
  return { label, model, data, layout: await context.layout(model, data), a: a!, b: b!, part }
}

/** Two trained models, with a name and their layout. */
export interface Pair extends PairTask {
  readonly label: string
  readonly layout: LayerLayout
}

/** What a task on the pair is given. */
export function taskOf({ model, data, part, a, b }: Pair): PairTask {
  return { model, data, part, a, b }
}

export async function barriersOf(
  context: Context,
  pair: Pair,
  paths: BarrierTask['paths'],
): Promise<readonly BarrierRecord[]> {
  return context.compute(`${pair.label}: barriers`, 'barriers', { ...taskOf(pair), paths })
}

/** What `barriersOf` measures, in words for `Settings.others`. */
export function barrierSettings(paths: BarrierTask['paths']): Settings['others'] {
  return {
    measured: `error barriers at the midpoint of paths: ${paths.join(', ')}${paths.includes('cumulative') ? ' (orders shallow and deep)' : ''}`,
  }
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

/** The mean error of the two models, in points. */
export function parentError(records: readonly BarrierRecord[]): number {
  const { endpointError } = records.find(({ path }) => path === 'full')!
  return meanOf(endpointError.map(points))
}
