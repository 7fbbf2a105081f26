import { z } from 'zod'
import type { Params } from '../core/layout.ts'
import type { NetworkPlan } from '../core/network-plan.ts'
import type { Component } from '../core/registry.ts'
import type { Rng } from '../core/rng.ts'
import type { UnitGroup } from './unit-groups.ts'

export interface AlignInput {
  readonly plan: NetworkPlan
  /** Of the plan: see `unitGroups`. */
  readonly groups: readonly UnitGroup[]
  /** float32[plan.numParams]; not written. */
  readonly reference: Params
  /** In client order, the reference perhaps among them; not written. */
  readonly models: readonly Params[]
  readonly rng: Rng
}

/** Puts the units of models in an order in which they can be averaged. Each computes the same function afterwards. */
export interface Aligner {
  readonly name: string
  /** The models in their new order; new vectors, or the same where nothing moves. */
  align(input: AlignInput): Promise<readonly Params[]>
}

/** A way of aligning that a run file, or `fedstrata analyze`, can name. */
export interface AlignerPart<S extends z.ZodObject = z.ZodObject> extends Component<S> {
  make(options: z.output<S>): Aligner
}

/** The option `to` of every way of aligning. */
export const referenceOption = z.enum(['first', 'global']).default('first').meta({
  description:
    "whose order of units is taken: that of the round's first client, or the global model's before the round (the first client's while independent starts have not been averaged yet)",
})

/** Aligns one model after another, each by itself, to the reference; the reference stays as it is. */
export function oneByOne(
  name: string,
  alignOne: (input: AlignInput, model: Params, rng: Rng) => Promise<Params>,
): Aligner {
  return {
    name,
    async align(input) {
      const aligned: Params[] = []
      for (const [index, model] of input.models.entries())
        aligned.push(model === input.reference ? model : await alignOne(input, model, input.rng.fork(`model/${index}`)))
      return aligned
    },
  }
}
