import type { Params } from '../core/layout.ts'
import { type ModelFamily, memberOf } from '../core/model-family.ts'

/** loss: nats per example, NaN or infinite for a broken model; accuracy: fraction in [0, 1], then NaN. */
export interface Evaluation {
  readonly loss: number
  readonly accuracy: number
}

/** Measures a model, float32[layout.size], on examples that it knows; it must not write to the vector. */
export type Evaluate = (params: Params) => Promise<Evaluation>

/** The same for many models at once, in the order of the family: what they share is computed once. */
export type EvaluateFamily = (family: ModelFamily) => Promise<readonly Evaluation[]>

/** A model at one end of a path or in a group, e.g. { id: "client/3", … } or { id: "global", … }. */
export interface Endpoint {
  readonly id: string
  readonly params: Params
}

/** Evaluates a family by one model after another: for a measure of one's own, which knows nothing of layers. */
export function oneByOne(evaluate: Evaluate): EvaluateFamily {
  return async family => {
    const evaluations: Evaluation[] = []
    for (const m of family.models.keys()) evaluations.push(await evaluate(memberOf(family, m)))
    return evaluations
  }
}
