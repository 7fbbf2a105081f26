import { unitGroups } from '../../alignment/unit-groups.ts'
import { weightMatching } from '../../alignment/weight-matching.ts'
import { outputDifference } from '../../analysis/controls/output-difference.ts'
import type { Params } from '../../core/layout.ts'
import { asShared } from '../../core/params.ts'
import { createRng } from '../../core/rng.ts'
import { logitsOnly, visitActivations } from '../../training/activations.ts'
import type { Bench } from './bench.ts'
import type { PairTask } from './compare.ts'
import { examplesIn } from './train.ts'

export interface AlignTask extends PairTask {
  readonly seed: number
}

export interface Aligned {
  /** The second model with its units in the order of the first's, float32[layout.size], shared. */
  readonly params: Params
  readonly sweeps: number
  /** Largest difference of a logit before and after. */
  readonly outputDifference: number
}

/** Weight matching of the second model to the first. */
export async function align(bench: Bench, { model, data, part, a, b, seed }: AlignTask): Promise<Aligned> {
  const { dataset, network } = await bench.prepare(model, data)
  const { examples, indices } = examplesIn(dataset, part)
  const groups = unitGroups(network.units)
  const { params, sweeps } = await weightMatching(groups, a.params, b.params, createRng(seed, 'align'))
  const difference = await outputDifference(b.params, params, (models, visit) =>
    visitActivations({ network, examples, pick: logitsOnly }, models, visit, { indices }),
  )
  return { params: asShared(params), sweeps, outputDifference: difference }
}
