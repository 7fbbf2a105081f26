import type { Evaluate } from '../analysis/evaluation.ts'
import type { LayerLayout, Params } from '../core/layout.ts'
import type { DataOptions } from '../data/index.ts'
import type { ModelOptions } from '../models/index.ts'
import type { DataNeed } from './check.ts'
import type { FederateTask, Federation } from './tasks/federate.ts'
import type { Part, TrainTask } from './tasks/train.ts'

/** What a check computes with. Everything is a function of its arguments and computed once, however many ask for it. */
export interface Context {
  /** Smaller sizes, for a minute in all. */
  readonly quick: boolean
  /** The data set's options: from the folder that was given, or, under `quick`, what comes along. */
  data(need: DataNeed, sizes?: { readonly train?: number; readonly test?: number }): DataOptions
  layout(model: ModelOptions, data: DataOptions): Promise<LayerLayout>
  /** Trains a model; `label` says what it is while it trains. */
  train(label: string, task: TrainTask): Promise<Params>
  federate(label: string, task: FederateTask): Promise<Federation>
  /** Measures models on some examples; results are not remembered. */
  evaluator(model: ModelOptions, data: DataOptions, part: Part): Evaluate
}
