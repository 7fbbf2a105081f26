import * as tf from '@tensorflow/tfjs-core'
import { layeredSum } from '../compute/ops/layered-sum.ts'
import { type LayerBlock, sizeOf, view } from '../core/layout.ts'
import type { Cohort } from './cohort.ts'
import type { BlockMemory } from './memory.ts'
import { cut, type Piece, pieceColumns } from './pieces.ts'
import type { Strategy } from './strategy.ts'
import type { BlockReducer, Coefficients, LinearReducer, RoundContext, StackReducer } from './transform.ts'

/** A block that is averaged in the round, and what goes into it. */
export interface BlockShare {
  readonly block: LayerBlock
  /** One for each row of the cohort, 0 for a client that is left out; they sum to 1. */
  readonly weights: Float64Array
  /** What each server optimizer remembers of the block. */
  readonly before: readonly BlockMemory[]
}

/** What becomes of a block, or of a piece of it: a large one comes in several, first to last. */
export interface BlockStep {
  /** The whole block. */
  readonly block: LayerBlock
  /** Where in the block the values below begin. */
  readonly start: number
  /** What is added to the global model, float32: block.size values, or fewer in a piece. */
  readonly step: Float32Array
  /** Vectors of the same length. */
  readonly after: readonly BlockMemory[]
}

/** A piece, the share that it belongs to, and the mixes of its columns, in order; none where the reducer is not linear. */
interface Part extends Piece {
  readonly share: BlockShare
  readonly mixes: readonly Mix[]
}

/** The coefficients of `size` adjacent columns, by row of the cohort: 0 for a row without a weight. */
interface Mix {
  readonly size: number
  readonly updates: Float64Array
  readonly global: number
}

/**
 * Reducer, then server optimizers, for each of the blocks in order. Memory is K × `columns`: larger blocks come in pieces of
 * so many columns where every part of the strategy takes each column by itself, else in one piece. Where the reducer is
 * linear and nothing changes the updates before it, adjacent pieces are summed in one pass, as many as are together no
 * larger than the largest, so that a model of many small layers takes few passes. The result is the same, bit for bit.
 */
export async function* blockSteps(
  { filters, server }: Pick<Strategy, 'filters' | 'server'>,
  reducer: BlockReducer,
  cohort: Cohort,
  shares: readonly BlockShare[],
  context: RoundContext,
  columns = pieceColumns(cohort.clients.length),
): AsyncGenerator<BlockStep> {
  const linear = 'coefficients' in reducer
  const inPieces = [...filters, ...server].every(isColumnwise) && (linear || isColumnwise(reducer))
  const parts = shares.flatMap((share): Part[] => {
    const { block } = share
    const pieces = inPieces ? cut(block, columns) : [{ block, start: 0 }]
    const mixes = linear ? mixesOf(reducer, share) : []
    return pieces.map(piece => ({ ...piece, share, mixes: within(mixes, piece) }))
  })
  const spans = linear && filters.length === 0 ? spansOf(parts) : parts.map(part => [part])
  for (const span of spans) {
    const tensors = tf.tidy(() => {
      const reduced = linear ? combined(cohort, span, context) : span.map(part => stacked(reducer, cohort, part))
      return reduced.map((delta, i) => served(server, delta, span[i]!, context))
    })
    try {
      for (const [i, { step, after }] of tensors.entries())
        yield {
          block: span[i]!.share.block,
          start: span[i]!.start,
          step: (await step.data()) as Float32Array,
          after: await Promise.all(after.map(read)),
        }
    } finally {
      tf.dispose(tensors)
    }
  }
}

function isColumnwise({ columnwise = false }: { readonly columnwise?: boolean | undefined }): boolean {
  return columnwise
}

/** Adjacent blocks or pieces, at most as many values together as the largest has. */
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

function mixesOf(reducer: LinearReducer, { block, weights }: BlockShare): Mix[] {
  const { rows, positive } = present(weights)
  const mix = (size: number, { updates, global = 0 }: Coefficients): Mix => {
    const all = new Float64Array(weights.length)
    for (const [i, row] of rows.entries()) all[row] = updates[i]!
    return { size, updates: all, global }
  }
  const found = reducer.coefficients(positive, { block, rows })
  return 'updates' in found
    ? [mix(block.size, found)]
    : block.tensors.map(({ shape }, i) => mix(sizeOf(shape), found[i]!))
}

/** What of the mixes of a block falls to a piece of it. */
function within(mixes: readonly Mix[], { block, start }: Piece): Mix[] {
  let at = 0
  return mixes.flatMap(mix => {
    const first = Math.max(at, start)
    at += mix.size
    const size = Math.min(at, start + block.size) - first
    return size > 0 ? [{ ...mix, size }] : []
  })
}

/** Σ_k c_k Δ_k + c g in each part of the span. A row without a weight has coefficient 0, and adds nothing. */
function combined(cohort: Cohort, span: readonly Part[], { global }: RoundContext): tf.Tensor1D[] {
  const [first] = span
  const size = span.reduce((sum, { block }) => sum + block.size, 0)
  const stack = cohort.stack({ ...first!.block, size })
  const sum = layeredSum(
    stack,
    span.flatMap(({ mixes }) => mixes.map(mix => ({ size: mix.size, weights: mix.updates }))),
  )
  return span.map(({ block, mixes }) => {
    const own = span.length === 1 ? sum : tf.slice(sum, block.offset - first!.block.offset, block.size)
    return mixes.every(mix => mix.global === 0) ? own : tf.add(own, scaledGlobal(view(global, block), mixes))
  })
}

/** c g in each of the mixes' columns. */
function scaledGlobal(values: Float32Array, mixes: readonly Mix[]): tf.Tensor1D {
  if (mixes.length === 1) return tf.mul(tf.tensor1d(values.slice()), mixes[0]!.global)
  let end = 0
  const parts = mixes.map(({ size, global }) => {
    const start = end
    end += size
    return tf.mul(tf.tensor1d(values.slice(start, end)), global) as tf.Tensor1D
  })
  return tf.concat1d(parts)
}

/** Weight 0 leaves a client out of the block under every reducer, also under those that look at no weights. */
function stacked(reducer: StackReducer, cohort: Cohort, { block, share }: Part): tf.Tensor1D {
  const { rows, positive } = present(share.weights)
  const stack = cohort.stack(block)
  const taken = rows.length === share.weights.length ? stack : tf.gather(stack, tf.tensor1d([...rows], 'int32'))
  return reducer.reduce(taken, positive, { block: share.block, rows })
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
  { block, start, share }: Part,
  context: RoundContext,
): { readonly step: tf.Tensor1D; readonly after: Record<string, tf.Tensor1D>[] } {
  let step = delta
  const after = server.map((optimizer, index) => {
    const before = toTensors(share.before[index]!, start, start + block.size)
    const [changed, vectors] = optimizer.apply(step, before, { ...context, block: share.block })
    step = changed
    return { ...vectors }
  })
  return { step, after }
}

function toTensors(memory: BlockMemory, start: number, end: number): Record<string, tf.Tensor1D> {
  const entries = Object.entries(memory)
  // A copy of a piece: some engines keep the array that they are given, and the whole one under it.
  const piece = (values: Float32Array) => (end - start < values.length ? values.slice(start, end) : values)
  return Object.fromEntries(entries.map(([key, values]) => [key, tf.tensor1d(piece(values))]))
}

async function read(tensors: Readonly<Record<string, tf.Tensor1D>>): Promise<BlockMemory> {
  const entries = Object.entries(tensors).map(async ([key, tensor]) => [key, await tensor.data()] as const)
  return Object.fromEntries(await Promise.all(entries)) as BlockMemory
}
