import type { z } from 'zod'
import { FedError } from '../../core/errors.ts'
import type { Params } from '../../core/layout.ts'
import type { NetworkPlan } from '../../core/network-plan.ts'
import type { Component } from '../../core/registry.ts'

export interface MergeInput {
  readonly plan: NetworkPlan
  /** What is merged; not written. */
  readonly models: readonly Params[]
  /** What each counts, in the order of `models`; they sum to 1. */
  readonly weights: readonly number[]
  /** Their average, which is repaired, float32[plan.numParams]; not written. */
  readonly average: Params
  /** float32[count · plan.inputSize], count ≤ repair.examples. */
  readonly examples: Float32Array
}

/** A network: a plan, and the parameters that it reads. */
export interface Merged {
  readonly plan: NetworkPlan
  /** float32[plan.numParams]. */
  readonly params: Params
}

/** Merges models into one, and makes good some of what their plain mean loses. */
export interface Repair {
  readonly name: string
  /** How many examples it looks at, at most; 0 for none. */
  readonly examples: number
  /** Whether what it gives is larger than a model, so that no client can train it. */
  readonly grows: boolean
  /** Throws `model_invalid` for a network that it cannot repair. */
  check(plan: NetworkPlan): void
  /** Of a plan that was checked. */
  merge(input: MergeInput): Promise<Merged>
}

export interface RepairPart<S extends z.ZodObject = z.ZodObject> extends Component<S> {
  make(options: z.output<S>): Repair
}

/** The plan of a network that can be repaired at all. Throws `model_invalid`, with the layer that stands in the way. */
export function repairable(plan: NetworkPlan | string): NetworkPlan {
  if (typeof plan !== 'string') return plan
  throw new FedError('model_invalid', {
    expected: 'a network of dense layers, convolutions, pooling, ReLU and sums, whose mean can be repaired',
    received: plan,
    hint: 'Use another model, or no repair',
  })
}

/** The plain mean of models, float32[P], summed in float64. */
export function meanOf(models: readonly Params[]): Params {
  return models[0]!.map((_, i) => models.reduce((sum, params) => sum + params[i]!, 0) / models.length)
}

/** Models of which each counts alike, and their plain mean. */
export function alike(models: readonly Params[]): Pick<MergeInput, 'models' | 'weights' | 'average'> {
  return { models, weights: models.map(() => 1 / models.length), average: meanOf(models) }
}
