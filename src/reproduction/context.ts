import type { LayerLayout, Params } from '../core/layout.ts'
import type { DataOptions } from '../data/index.ts'
import type { ModelOptions } from '../models/index.ts'
import type { DataNeed } from './check.ts'
import type { ReplyOf, RequestOf, TaskName } from './tasks/index.ts'
import type { TrainTask } from './tasks/train.ts'

/** What a check computes with. `label` tells people what is being computed. */
export interface Context {
  /** Smaller sizes, for a minute in all. */
  readonly quick: boolean
  /** The data set's options: from the folder that was given, or, under `quick`, what comes along. */
  data(need: DataNeed, sizes?: { readonly train?: number; readonly test?: number }): DataOptions
  layout(model: ModelOptions, data: DataOptions): Promise<LayerLayout>
  /** Trains a model; each training is done once, however many checks ask for it. */
  train(label: string, task: TrainTask): Promise<Params>
  /** Has a task carried out by the first thread that is free. */
  compute<N extends TaskName>(label: string, name: N, request: RequestOf<N>): Promise<ReplyOf<N>>
}
