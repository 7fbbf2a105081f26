import { FedError } from '../core/errors.ts'
import { blockNames, type LayerLayout, type Params } from '../core/layout.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { Endpoint, Evaluate, Evaluation } from './evaluation.ts'
import { rise } from './height.ts'
import { meanParams } from './mean.ts'
import { requireSize } from './mixture.ts'
import { errorOf, lossOf } from './probe.ts'

export interface GroupRequest {
  readonly round: number
  readonly layout: LayerLayout
  /** K ≥ 1 models, in client order. */
  readonly members: readonly Endpoint[]
  readonly split: BarrierRecord['split']
  readonly evaluate: Evaluate
  readonly signal?: AbortSignal | undefined
}

/**
 * The group barrier of K models: E(mean of the models) − mean of E(model), both means with equal weights (Li et al.,
 * "Improving Group Connectivity", 2024, arXiv 2402.18949). For K = 2 it is the full barrier.
 *
 * The record has no path: `loss` and `error` hold one value, at the mean model, `endpointLoss` and `endpointError` the K
 * members' in order. K + 1 evaluations; the members' own vectors are handed to `evaluate`.
 *
 * Throws `input_invalid` for no members, `layout_mismatch`, what `evaluate` throws, and the signal's reason.
 */
export async function probeGroup(request: GroupRequest): Promise<BarrierRecord> {
  const { round, layout, members, split } = request
  if (members.length === 0)
    throw new FedError('input_invalid', { expected: 'a group of at least one model', received: 'none' })
  for (const { id, params } of members) requireSize(layout, params, id)
  const models = members.map(({ params }) => params)
  const each = await evaluateAll(models, request)
  const [mean] = await evaluateAll([meanParams(models)], request)
  const [loss, error] = [lossOf(mean!), errorOf(mean!)]
  const [endpointLoss, endpointError] = [each.map(lossOf), each.map(errorOf)]
  return {
    round,
    path: 'group',
    layer: null,
    layers: [...blockNames(layout)],
    order: null,
    base: null,
    between: members.map(({ id }) => id),
    split,
    interpolation: [],
    loss: [loss],
    error: [error],
    endpointLoss,
    endpointError,
    lossBarrier: rise(loss, endpointLoss),
    errorBarrier: rise(error, endpointError),
    distance: null,
    cosine: null,
  }
}

/** One at a time: the engine is one, and a run that stops must not wait for a queue of evaluations. */
async function evaluateAll(models: readonly Params[], { evaluate, signal }: GroupRequest): Promise<Evaluation[]> {
  const evaluations: Evaluation[] = []
  for (const params of models) {
    signal?.throwIfAborted()
    evaluations.push(await evaluate(params))
  }
  return evaluations
}
