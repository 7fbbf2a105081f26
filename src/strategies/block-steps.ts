import * as tf from '@tensorflow/tfjs-core'
import { layeredSum } from '../compute/ops/layered-sum.ts'
import { type LayerBlock, view } from '../core/layout.ts'
import type { Cohort } from './cohort.ts'
import type { BlockMemory } from './memory.ts'
import type { Strategy } from './strategy.ts'
import type { BlockReducer, LinearReducer, RoundContext, StackReducer } from './transform.ts'

/** A block that is averaged in the round, and what goes into it. */
export interface BlockShare {
  readonly block: LayerBlock
  /** One for each row of the cohort, 0 for a client that is left out; they sum to 1. */
  readonly weights: Float64Array
  /** What each server optimizer remembers of the block. */
  readonly before: readonly BlockMemory[]
}

export interface BlockStep {
  readonly block: LayerBlock
  /** What is added to the global model, float32[block.size]. */
  readonly step: Float32Array
  readonly after: readonly BlockMemory[]
}

/**
 * Reducer, then server optimizers, for each of the blocks in order. Where the reducer is linear and nothing changes the
 * updates before it, adjacent blocks are summed in one pass, as many as are together no larger than the largest block:
 * memory stays K × the largest block, and a model of many small layers takes few passes. The sums are the same.
 */
export async function* blockSteps(
  { filters, server }: Pick<Strategy, 'filters' | 'server'>,
  reducer: BlockReducer,
  cohort: Cohort,
  shares: readonly BlockShare[],
  context: RoundContext,
): AsyncGenerator<BlockStep> {
  const spans = 'coefficients' in reducer && filters.length === 0 ? spansOf(shares) : shares.map(share => [share])
  for (const span of spans) {
    const tensors = tf.tidy(() => {
      const reduced =
        'coefficients' in reducer
          ? combined(reducer, cohort, span, context)
          : span.map(share => stacked(reducer, cohort, share))
      return reduced.map((delta, i) => served(server, delta, span[i]!, context))
    })
    try {
      for (const [i, { step, after }] of tensors.entries())
        yield {
          block: span[i]!.block,
          step: (await step.data()) as Float32Array,
          after: await Promise.all(after.map(read)),
        }
    } finally {
      tf.dispose(tensors)
    }
  }
}

/** Adjacent blocks, at most as many values together as the largest block has. */
export function spansOf<S extends { readonly block: LayerBlock }>(shares: readonly S[]): S[][] {
  const largest = Math.max(...shares.map(({ block }) => block.size))
  const spans: S[][] = []
  let [end, size] = [-1, 0]
  for (const share of shares) {
    const { block } = share
    if (block.offset === end && size + block.size <= largest) spans.at(-1)!.push(share)
    else {
      spans.push([share])
      size = 0
    }
    end = block.offset + block.size
    size += block.size
  }
  return spans
}

/** Σ_k c_k Δ_k + c g in each block of the span. A row without a weight has coefficient 0, and adds nothing. */
function combined(
  reducer: LinearReducer,
  cohort: Cohort,
  span: readonly BlockShare[],
  { global }: RoundContext,
): tf.Tensor1D[] {
  const parts = span.map(({ block, weights }) => {
    const { rows, positive } = present(weights)
    const { updates, global: ofGlobal = 0 } = reducer.coefficients(positive, { block, rows })
    const all = new Float64Array(weights.length)
    for (const [i, row] of rows.entries()) all[row] = updates[i]!
    return { block, coefficients: all, ofGlobal }
  })
  const [first] = span
  const size = span.reduce((sum, { block }) => sum + block.size, 0)
  const stack = cohort.stack({ ...first!.block, size })
  const sum = layeredSum(
    stack,
    parts.map(({ block, coefficients }) => ({ size: block.size, weights: coefficients })),
  )
  return parts.map(({ block, ofGlobal }) => {
    const own = parts.length === 1 ? sum : tf.slice(sum, block.offset - first!.block.offset, block.size)
    return ofGlobal === 0 ? own : tf.add(own, tf.mul(tf.tensor1d(view(global, block).slice()), ofGlobal))
  })
}

/** Weight 0 leaves a client out of the block under every reducer, also under those that look at no weights. */
function stacked(reducer: StackReducer, cohort: Cohort, { block, weights }: BlockShare): tf.Tensor1D {
  const { rows, positive } = present(weights)
  const stack = cohort.stack(block)
  const taken = rows.length === weights.length ? stack : tf.gather(stack, tf.tensor1d([...rows], 'int32'))
  return reducer.reduce(taken, positive, { block, rows })
}

function present(weights: Float64Array): { readonly rows: readonly number[]; readonly positive: Float64Array } {
  return {
    rows: Array.from(weights.keys()).filter(row => weights[row]! > 0),
    positive: weights.filter(weight => weight > 0),
  }
}

function served(
  server: Strategy['server'],
  delta: tf.Tensor1D,
  { block, before }: BlockShare,
  context: RoundContext,
): { readonly step: tf.Tensor1D; readonly after: Record<string, tf.Tensor1D>[] } {
  let step = delta
  const after = server.map((optimizer, index) => {
    const [changed, vectors] = optimizer.apply(step, toTensors(before[index]!), { ...context, block })
    step = changed
    return { ...vectors }
  })
  return { step, after }
}

function toTensors(memory: BlockMemory): Record<string, tf.Tensor1D> {
  return Object.fromEntries(Object.entries(memory).map(([key, values]) => [key, tf.tensor1d(values)]))
}

async function read(tensors: Readonly<Record<string, tf.Tensor1D>>): Promise<BlockMemory> {
  const entries = Object.entries(tensors).map(async ([key, tensor]) => [key, await tensor.data()] as const)
  return Object.fromEntries(await Promise.all(entries)) as BlockMemory
}
