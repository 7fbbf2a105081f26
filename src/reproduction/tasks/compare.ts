import { type Curvature, curvatures } from '../../analysis/controls/curvature.ts'
import { type FeatureConnectivity, featureConnectivity } from '../../analysis/controls/features.ts'
import { type RandomDirection, randomDirections } from '../../analysis/controls/random-direction.ts'
import type { Endpoint } from '../../analysis/evaluation.ts'
import { pathSpecs } from '../../analysis/paths/registry.ts'
import { probeBarriers } from '../../analysis/probe.ts'
import type { ModelFamily } from '../../core/model-family.ts'
import type { BarrierRecord } from '../../core/records.ts'
import { createRng } from '../../core/rng.ts'
import type { DataOptions } from '../../data/index.ts'
import type { ModelOptions } from '../../models/index.ts'
import { everyLayer, visitActivations } from '../../training/activations.ts'
import { evaluate } from '../../training/evaluate.ts'
import { evaluateFamily } from '../../training/evaluate-family.ts'
import type { Bench } from './bench.ts'
import { examplesIn, type Part } from './train.ts'

/** Two models, and the examples on which what lies between them is measured. */
export interface PairTask {
  readonly model: ModelOptions
  readonly data: DataOptions
  readonly part: Part
  readonly a: Endpoint
  readonly b: Endpoint
}

export interface BarrierTask extends PairTask {
  readonly paths: readonly ('full' | 'layer' | 'cumulative')[]
}

/** Barriers at the midpoint of the paths of these kinds; cumulative ones in the orders shallow and deep. */
export async function barriers(bench: Bench, task: BarrierTask): Promise<readonly BarrierRecord[]> {
  const { network, examples, indices, family } = await prepared(bench, task)
  const { layout } = network
  const paths = pathSpecs(task.paths, layout, { orders: ['shallow', 'deep'], rng: createRng(0, 'orders') } as never)
  return probeBarriers({
    ...{ round: 0, layout, a: task.a, b: task.b, paths, grid: [0.5], split: task.part.split },
    evaluate: params => evaluate(network, params, examples, { indices }),
    evaluateFamily: family,
  })
}

export interface DirectionTask extends PairTask {
  readonly draws: number
  readonly seed: number
}

/** From the first model towards the second, and in random directions of equal length. */
export async function directions(bench: Bench, task: DirectionTask): Promise<readonly RandomDirection[]> {
  const { network, family } = await prepared(bench, task)
  const rng = createRng(task.seed, 'directions')
  const { layout } = network
  const ends = { base: task.a.params, other: task.b.params }
  return randomDirections({ layout, ...ends, draws: task.draws, rng, evaluateFamily: family })
}

/** Of a second difference, as a share of the path. */
export const CURVATURE_STEP = 0.1

/** Curvature of the loss along the full path and all single-layer paths. */
export async function curvature(bench: Bench, task: PairTask): Promise<readonly Curvature[]> {
  const { network, family } = await prepared(bench, task)
  const { layout } = network
  const paths = pathSpecs(['full', 'layer'], layout, { orders: [], rng: createRng(0, 'orders') } as never)
  return curvatures({ layout, a: task.a.params, b: task.b.params, paths, step: CURVATURE_STEP, evaluateFamily: family })
}

/** What each layer gives in the model halfway, against what it gives in the two. */
export async function features(bench: Bench, task: PairTask): Promise<readonly FeatureConnectivity[]> {
  const { network, examples, indices } = await prepared(bench, task)
  return featureConnectivity({
    ...{ layout: network.layout, a: task.a.params, b: task.b.params },
    visitFeatures: (models, visit) =>
      visitActivations({ network, examples, pick: everyLayer }, models, visit, { indices }),
  })
}

async function prepared(bench: Bench, { model, data, part }: PairTask) {
  const { dataset, network } = await bench.prepare(model, data)
  const { examples, indices } = examplesIn(dataset, part)
  const family = (models: ModelFamily) => evaluateFamily(network, models, examples, { indices })
  return { network, examples, indices, family }
}
