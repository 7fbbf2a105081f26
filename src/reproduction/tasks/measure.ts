import type { Evaluation } from '../../analysis/evaluation.ts'
import type { LayerLayout, Params } from '../../core/layout.ts'
import type { DataOptions } from '../../data/index.ts'
import type { ModelOptions } from '../../models/index.ts'
import { evaluate } from '../../training/evaluate.ts'
import type { Bench } from './bench.ts'
import { examplesIn, type Part } from './train.ts'

export interface MeasureTask {
  readonly model: ModelOptions
  readonly data: DataOptions
  readonly part: Part
  readonly params: Params
}

/** Loss and accuracy of a model on a part of a data set. */
export async function measure(bench: Bench, { model, data, part, params }: MeasureTask): Promise<Evaluation> {
  const { dataset, network } = await bench.prepare(model, data)
  const { examples, indices } = examplesIn(dataset, part)
  const { loss, accuracy } = await evaluate(network, params, examples, { indices })
  return { loss, accuracy }
}

export interface LayoutTask {
  readonly model: ModelOptions
  readonly data: DataOptions
}

/** The layout of a model on a data set. */
export async function layoutOf(bench: Bench, { model, data }: LayoutTask): Promise<LayerLayout> {
  return (await bench.prepare(model, data)).network.layout
}
