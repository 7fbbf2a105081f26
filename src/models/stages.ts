import * as tf from '@tensorflow/tfjs-core'
import type { Shape } from '@tensorflow/tfjs-layers'
import { sizeOf } from '../core/layout.ts'
import type { Step } from './steps.ts'

/** A part of a network between two cut points, evaluation only: what it gives depends on nothing but `x` and its blocks. */
export interface Stage {
  /** Indices of the layer blocks that it reads, ascending. */
  readonly blocks: readonly number[]
  /** Values of one example in what it gives. */
  readonly outputSize: number
  /** The activations after it, of those before it. The caller disposes them. */
  apply(x: tf.Tensor): tf.Tensor
}

/**
 * Cuts a network wherever a single tensor carries all that goes on, but only in front of a layer with weights: after each
 * layer of a stack, and between residual blocks. The stages one after another are the network.
 */
export function stagesOf(steps: readonly Step[], blockOf: (step: Step) => number | undefined): readonly Stage[] {
  const starts = cutsOf(steps).filter(at => blockOf(steps[at]!) !== undefined)
  const begin = [0, ...starts.slice(steps.slice(0, starts[0]).some(step => blockOf(step) !== undefined) ? 0 : 1)]
  return begin.map((from, i, all) => {
    const part = steps.slice(from, all[i + 1])
    return {
      blocks: part.map(blockOf).filter(block => block !== undefined),
      outputSize: sizeOf((part.at(-1)!.layer.outputShape as Shape).slice(1) as number[]),
      apply: x => tf.tidy(() => runSteps(part, x, from).at(-1)!),
    }
  })
}

/**
 * What each step gives, for what the first is given; `from` is that value's number. Evaluation only. Outside a tidy the
 * caller disposes them.
 */
export function runSteps(steps: readonly Step[], x: tf.Tensor, from = 0): readonly tf.Tensor[] {
  const values = [x]
  for (const { layer, inputs } of steps) {
    const given = inputs.map(value => values[value - from]!)
    values.push(layer.call(given.length === 1 ? given[0]! : given, { training: false }) as tf.Tensor)
  }
  return values.slice(1)
}

/** Steps in front of which only their predecessor's value is still wanted. */
function cutsOf(steps: readonly Step[]): readonly number[] {
  const lastUse = new Map<number, number>()
  for (const [at, { inputs }] of steps.entries()) for (const value of inputs) lastUse.set(value, at)
  let furthest = 0 // the last use of any value older than the predecessor's
  const cuts: number[] = []
  for (const at of steps.keys()) {
    if (at > 0) furthest = Math.max(furthest, lastUse.get(at - 1) ?? 0)
    if (at > 0 && furthest < at) cuts.push(at)
  }
  return cuts
}
