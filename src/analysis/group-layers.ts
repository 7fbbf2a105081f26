import { FedError } from '../core/errors.ts'
import { familyOf } from '../core/model-family.ts'
import type { BarrierRecord } from '../core/records.ts'
import type { EvaluateFamily } from './evaluation.ts'
import type { GroupRequest } from './group.ts'
import { rise } from './height.ts'
import { mean as meanOf } from './heights.ts'
import { meanParams } from './mean.ts'
import { requireSize } from './mixture.ts'
import { errorOf, lossOf } from './probe.ts'

export type GroupLayersRequest = Omit<GroupRequest, 'evaluate'> & { readonly evaluateFamily: EvaluateFamily }

/**
 * The group barrier of K models one layer at a time: each model takes over the mean of all in that layer and keeps its own
 * others,
 *
 *   B_l = mean over k of E(W_k with layer l at the mean) − mean over k of E(W_k)
 *
 * What a layer rule that averages only this layer would do to the cohort. The group barrier of Li et al. (2024, arXiv 2402.18949)
 * taken to single layers as Adilova et al. (ICLR 2024) take the full barrier; for K = 2 it is the mean of the two layer barriers.
 *
 * One record a layer, as those of `probeGroup`; `loss` and `error` hold the first mean. K (L + 1) models, evaluated together.
 * Throws `input_invalid` for no members, `layout_mismatch`, what the evaluation throws, and the signal's reason.
 */
export async function probeGroupLayers(request: GroupLayersRequest): Promise<BarrierRecord[]> {
  const { round, layout, members, split, evaluateFamily, signal } = request
  if (members.length === 0)
    throw new FedError('input_invalid', { expected: 'a group of at least one model', received: 'none' })
  for (const { id, params } of members) requireSize(layout, params, id)
  signal?.throwIfAborted()
  const models = members.map(({ params }) => params)
  const family = familyOf(layout, [...models, meanParams(models)])
  const own = family.models.slice(0, -1)
  const mean = family.models.at(-1)!
  const averaged = layout.blocks.flatMap(({ index }) => own.map(versions => versions.with(index, mean[index]!)))
  const evaluations = await evaluateFamily({ ...family, models: [...own, ...averaged] })
  const each = evaluations.slice(0, own.length)
  const [endpointLoss, endpointError] = [each.map(lossOf), each.map(errorOf)]
  return layout.blocks.map(({ name, index }): BarrierRecord => {
    const mixed = evaluations.slice(own.length * (index + 1), own.length * (index + 2))
    const [loss, error] = [meanOf(mixed.map(lossOf)), meanOf(mixed.map(errorOf))]
    return {
      ...{ round, path: 'group', layer: name, layers: [name], order: null, base: null },
      ...{ between: members.map(({ id }) => id), split, interpolation: [] },
      ...{ loss: [loss], error: [error], endpointLoss, endpointError },
      lossBarrier: rise(loss, endpointLoss),
      errorBarrier: rise(error, endpointError),
      distance: null,
      cosine: null,
    }
  })
}
