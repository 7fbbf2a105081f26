import { range } from '../../core/indices.ts'
import type { LayerLayout, Params } from '../../core/layout.ts'
import { asShared } from '../../core/params.ts'
import { createRng } from '../../core/rng.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Examples } from '../../data/examples.ts'
import type { DataOptions } from '../../data/index.ts'
import { splitData } from '../../data/partition/split.ts'
import type { ModelOptions } from '../../models/index.ts'
import { type LocalPlan, localPlanSchema } from '../../training/plan.ts'
import { trainLocally } from '../../training/train.ts'
import type { Bench } from './bench.ts'

/** Which examples of a data set: all of a split, the first so many, or one of several equal disjoint parts. */
export interface Part {
  readonly split: 'train' | 'test'
  readonly first?: number
  /** The `index`-th of `of` parts of the training set, cut by `seed`. */
  readonly portion?: { readonly index: number; readonly of: number; readonly seed: number }
}

/** One model's training, from its initialisation or from where another training ended. Plain data: it is its own key. */
export interface TrainTask {
  readonly model: ModelOptions
  readonly data: DataOptions
  readonly part: Part
  readonly plan: Parameters<typeof localPlanSchema.parse>[0]
  /** Seed of the initial weights; not used with `from`. */
  readonly init: number
  /** Seed of the order of the examples. */
  readonly order: number
  readonly from?: TrainTask
  /** Where another training ended: the model that `connectivity` of the plan looks to; its own start when left out. */
  readonly anchor?: TrainTask
}

export interface TrainRequest extends TrainTask {
  /** Where `from` ended. */
  readonly start: Params | null
  /** Where `anchor` ended. */
  readonly towards: Params | null
}

/** float32[layout.size], shared. */
export async function train(bench: Bench, { start, towards, ...task }: TrainRequest): Promise<Params> {
  const { dataset, network } = await bench.prepare(task.model, task.data)
  const plan: LocalPlan = localPlanSchema.parse(task.plan)
  const params = start ?? network.init(createRng(task.init, 'init'))
  const result = await trainLocally(network, {
    params,
    anchor: towards ?? params,
    // Models of one initialisation have their masks in common, as the clients of a run have.
    common: createRng(task.init, 'common'),
    ...examplesIn(dataset, task.part),
    plan,
    round: 1,
    totalRounds: 1,
    rng: createRng(task.order, 'order'),
  })
  return asShared(result.params)
}

/** The layout of a model on a data set. */
export async function layout(bench: Bench, { model, data }: Pick<TrainTask, 'model' | 'data'>): Promise<LayerLayout> {
  return (await bench.prepare(model, data)).network.layout
}

/** The examples of a part, and which of them. */
export function examplesIn(
  dataset: Dataset,
  { split, first, portion }: Part,
): { readonly examples: Examples; readonly indices: Uint32Array } {
  const examples = dataset[split]
  if (portion) {
    const { train } = splitData(dataset, { name: 'iid' }, portion.of, createRng(portion.seed, 'partition'))
    return { examples, indices: train[portion.index]! }
  }
  return { examples, indices: range(Math.min(first ?? examples.length, examples.length)) }
}
