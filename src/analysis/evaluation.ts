import type { Params } from '../core/layout.ts'

/** loss: nats per example; accuracy: fraction in [0, 1]. Either may be NaN or infinite for a broken model. */
export interface Evaluation {
  readonly loss: number
  readonly accuracy: number
}

/** Measures a model, float32[layout.size], on examples that it knows; it must not write to the vector. */
export type Evaluate = (params: Params) => Promise<Evaluation>

/** A model at one end of a path or in a group, e.g. { id: "client/3", … } or { id: "global", … }. */
export interface Endpoint {
  readonly id: string
  readonly params: Params
}

/**
 * The same evaluation, but each vector is measured once for as long as it is held. By identity: probes hand an
 * endpoint's own vector to `evaluate`, so a client in several pairs and in the group costs one evaluation. What was
 * rejected is not remembered.
 */
export function rememberEvaluations(evaluate: Evaluate): Evaluate {
  const known = new WeakMap<Params, Promise<Evaluation>>()
  return params => {
    const remembered = known.get(params)
    if (remembered) return remembered
    const pending = evaluate(params)
    known.set(params, pending)
    pending.catch(() => known.delete(params))
    return pending
  }
}
