import { alignerOf } from '../../alignment/index.ts'
import { repairOf } from '../../alignment/repairs/index.ts'
import { alike, type Merged, repairable } from '../../alignment/repairs/repair.ts'
import { unitGroups } from '../../alignment/unit-groups.ts'
import type { Endpoint } from '../../analysis/evaluation.ts'
import { FedError } from '../../core/errors.ts'
import type { UnitPlan } from '../../core/network-plan.ts'
import type { Rng } from '../../core/rng.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Network } from '../../models/network.ts'
import { examplesFor } from '../../rounds/alignment.ts'
import type { AnalysisRequest } from './request.ts'

export interface MergeContext {
  readonly network: Network
  readonly dataset: Dataset
  readonly rng: Rng
  readonly signal: AbortSignal | undefined
}

/** The second model with its units in the order of the first's. Throws `model_invalid`, and `input_invalid` for `to: global`. */
export async function alignedTo(
  { network, dataset, rng }: MergeContext,
  align: NonNullable<AnalysisRequest['align']>,
  a: Endpoint,
  b: Endpoint,
): Promise<Endpoint> {
  if (align.to === 'global')
    throw new FedError('input_invalid', {
      expected: 'align.to: first, which is A',
      received: 'global',
      hint: 'There is no global model between two files',
    })
  const aligner = alignerOf(align)
  const groups = unitGroups(network.units)
  const examples = examplesFor(aligner, dataset, rng.fork('align/examples'))
  const input = { plan: network.units as UnitPlan, groups, examples, rng: rng.fork('align') }
  const [params] = await aligner.align({ ...input, reference: a.params, models: [b.params] })
  return { id: b.id, params: params! }
}

export interface Merge {
  /** "mean", or the repair's name. */
  readonly name: string
  readonly merged: Merged
}

/** The plain mean of the two, and what each repair makes of them. Throws `model_invalid`, `input_invalid`. */
export async function mergesOf(
  { network, dataset, rng, signal }: MergeContext,
  options: AnalysisRequest['repair'],
  models: readonly [Endpoint, Endpoint],
): Promise<readonly Merge[]> {
  const plan = repairable(network.plan)
  const both = alike(models.map(({ params }) => params))
  const merges: Merge[] = [{ name: 'mean', merged: { plan, params: both.average } }]
  for (const each of options) {
    signal?.throwIfAborted()
    const repair = repairOf(each)
    repair.check(plan)
    const examples = examplesFor(repair, dataset, rng.fork('align/examples'))
    merges.push({ name: repair.name, merged: await repair.merge({ ...both, plan, examples }) })
  }
  return merges
}
