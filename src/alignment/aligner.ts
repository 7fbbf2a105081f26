import { z } from 'zod'
import type { Params } from '../core/layout.ts'
import type { UnitPlan } from '../core/network-plan.ts'
import type { Component } from '../core/registry.ts'
import type { Rng } from '../core/rng.ts'
import type { UnitGroup } from './unit-groups.ts'

export interface AlignInput {
  readonly plan: UnitPlan
  /** Of the plan: see `unitGroups`. */
  readonly groups: readonly UnitGroup[]
  /** float32[plan.numParams]; not written. */
  readonly reference: Params
  /** In client order, the reference perhaps among them; not written. */
  readonly models: readonly Params[]
  readonly rng: Rng
  /** float32[count · plan.inputSize], count ≤ aligner.examples: what a server that aligns by activations has to hold, without labels. */
  readonly examples: Float32Array
}

/** Puts the units of models in an order in which they can be averaged. Each computes the same function afterwards. */
export interface Aligner {
  readonly name: string
  /** How many examples it looks at, at most; 0 for none. */
  readonly examples: number
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

/** The option `examples` of those that look at activations. */
export const examplesOption = z.int().min(1).max(100_000).default(500).meta({
  description: 'at most so many training examples are looked at, without their labels; the server has to hold them',
})

/** Aligns one model after another, each by itself, to the reference; the reference stays as it is. */
export function oneByOne(
  name: string,
  examples: number,
  alignOne: (input: AlignInput, model: Params, rng: Rng) => Promise<Params>,
): Aligner {
  return {
    name,
    examples,
    async align(input) {
      const aligned: Params[] = []
      for (const [index, model] of input.models.entries())
        aligned.push(model === input.reference ? model : await alignOne(input, model, input.rng.fork(`model/${index}`)))
      return aligned
    },
  }
}
