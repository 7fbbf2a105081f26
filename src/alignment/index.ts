import { registry } from '../core/registry.ts'
import { activationMatchingPart } from './activation-matching.ts'
import type { Aligner, AlignerPart } from './aligner.ts'
import { covarianceMatchingPart } from './covariance-matching.ts'
import { otBarycenterPart } from './ot-barycenter.ts'
import { otFusionPart } from './ot-fusion.ts'
import { weightMatchingPart } from './weight-matching.ts'

/** To add a way of aligning: its file, its line here, its case in test/alignment/aligners.test.ts. */
export const aligners = registry('aligner', [
  weightMatchingPart,
  activationMatchingPart,
  covarianceMatchingPart,
  otFusionPart,
  otBarycenterPart,
])

export type AlignOptions = (typeof aligners)['schema']['_zod']['output']

/** The options and their part were matched by name, which the type of a registry cannot express. */
export function alignerOf(options: AlignOptions): Aligner {
  return (aligners.named(options.name) as AlignerPart).make(options)
}
