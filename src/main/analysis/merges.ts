import { overBatches, valuesOf } from '../../alignment/forward.ts'
import { alignerOf } from '../../alignment/index.ts'
import { repairOf } from '../../alignment/repairs/index.ts'
import { type Merged, meanOf } from '../../alignment/repairs/repair.ts'
import { unitGroups } from '../../alignment/unit-groups.ts'
import type { Endpoint } from '../../analysis/evaluation.ts'
import { FedError } from '../../core/errors.ts'
import type { NetworkPlan } from '../../core/network-plan.ts'
import type { Rng } from '../../core/rng.ts'
import type { Dataset } from '../../data/dataset.ts'
import { type Examples, gather } from '../../data/examples.ts'
import type { Network } from '../../models/network.ts'
import { examplesFor } from '../../rounds/alignment.ts'
import { addScores, type Evaluation, meanOf as meanScore } from '../../training/evaluate.ts'
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
  const groups = unitGroups(network.plan)
  const examples = examplesFor(aligner, dataset, rng.fork('align/examples'))
  const input = { plan: network.plan as NetworkPlan, groups, examples, rng: rng.fork('align') }
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
  { network: { plan }, dataset, rng, signal }: MergeContext,
  options: AnalysisRequest['repair'],
  models: readonly [Endpoint, Endpoint],
): Promise<readonly Merge[]> {
  if (typeof plan === 'string') {
    unitGroups(plan) // says what stands in the way
    return []
  }
  const both = models.map(({ params }) => params)
  const merges: Merge[] = [{ name: 'mean', merged: { plan, params: meanOf(both) } }]
  for (const each of options) {
    signal?.throwIfAborted()
    const repair = repairOf(each)
    const examples = examplesFor(repair, dataset, rng.fork('align/examples'))
    merges.push({ name: repair.name, merged: await repair.merge({ plan, models: both, examples }) })
  }
  return merges
}

/** Examples whose logits are read at a time. */
const AT_A_TIME = 1000

/** Loss and accuracy of a network that is only a plan. Throws the signal's reason. */
export async function evaluateMerged(
  { plan, params }: Merged,
  examples: Examples,
  indices: Uint32Array,
  signal: AbortSignal | undefined,
): Promise<Evaluation> {
  const tally = { loss: 0, correct: 0 }
  for (let from = 0; from < indices.length; from += AT_A_TIME) {
    signal?.throwIfAborted()
    const { x, y } = gather(examples, indices, from, Math.min(indices.length, from + AT_A_TIME))
    let row = 0
    await overBatches(
      plan,
      x,
      batch => [valuesOf(plan, params, batch).at(-1)!],
      ([logits]) => {
        const rows = logits!.length / plan.numClasses
        addScores(tally, logits!, y.subarray(row, row + rows), plan.numClasses)
        row += rows
      },
    )
  }
  return meanScore(tally, indices.length)
}
