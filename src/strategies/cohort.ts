import type * as tf from '@tensorflow/tfjs-core'
import { filledTensor } from '../compute/ops/filled.ts'
import { FedError } from '../core/errors.ts'
import { type ExtraName, extraKey } from '../core/extras.ts'
import type { LayerBlock, LayerLayout, Params } from '../core/layout.ts'

/** What one client brings to a round. */
export interface Member {
  readonly client: number
  /** Training examples, the weight of McMahan et al. 2017. Running statistics are always averaged by them. */
  readonly numExamples: number
  /** The whole model after local training, float32[layout.size]. Blocks that are not averaged are not read. */
  readonly params: Params
  /** What it trained from, where a part of the strategy asks for it: float32[layout.size]. */
  readonly start?: Params | undefined
  /** What it sent beside its blocks, by key. */
  readonly extras?: ReadonlyMap<string, Float32Array> | undefined
  /** What was kept for it from its last round, by key. */
  readonly kept?: ReadonlyMap<string, Float32Array> | undefined
}

/** The clients of a round whose updates are reduced, in ascending order. A filter wraps one and returns another. */
export interface Cohort {
  readonly clients: readonly number[]
  /** Examples of each client, in the order of `clients`. */
  readonly weights: Float64Array
  /** What each sent beside its blocks, by key, in the order of `clients`. */
  readonly extras: readonly ReadonlyMap<string, Float32Array>[]
  /**
   * Writes the clients' updates of one block, row after row, over `rows`, float32[K · block.size]: local − global, the sign
   * of Reddi et al. 2021, Algorithm 2.
   */
  fill(block: LayerBlock, rows: Float32Array): void
  /** The same as float32[K, block.size]: a new tensor at each call, the caller's to dispose. */
  stack(block: LayerBlock): tf.Tensor2D
}

/**
 * The cohort of `members`, sorted by client, so that the order in which updates arrived cannot move a bit. Stacks are
 * made when asked for: memory is K × the largest block. Throws `input_invalid` for an empty cohort, a client that is
 * there twice or an example count outside [0, 2^53 − 1], `length_mismatch` for parameters of another
 * length.
 */
export function cohortOf(members: readonly Member[], layout: LayerLayout, global: Params): Cohort {
  const sorted = members.toSorted((left, right) => left.client - right.client)
  requireMembers(sorted, layout)
  return withRows({
    clients: sorted.map(member => member.client),
    weights: Float64Array.from(sorted, member => member.numExamples),
    extras: sorted.map(({ extras = new Map() }) => extras),
    fill({ offset, size }, rows) {
      for (const [row, { params }] of sorted.entries()) subtract(rows, row * size, params, global, offset, size)
    },
  })
}

/**
 * The cohort whose rows are first written by `cohort`, then changed in place by `change`: float32[K · block.size], client
 * after client. Both write into the engine's own memory where that can be reached, so a filter costs no second stack.
 */
export function changed(cohort: Cohort, change: (rows: Float32Array, block: LayerBlock) => void): Cohort {
  return withRows({
    ...cohort,
    fill(block, rows) {
      cohort.fill(block, rows)
      change(rows, block)
    },
  })
}

/**
 * Each of `blocks` with the clients' updates of it, filled whole, as filters change them. The updates are read-only, and good until the
 * next block. Whoever goes through them several times brings the scratch: the pages of a new one cost more than filling it.
 */
export function* updatesByBlock(
  cohort: Cohort,
  blocks: readonly LayerBlock[],
  scratch: Float32Array = scratchFor(cohort, blocks),
): Generator<readonly [block: LayerBlock, updates: readonly Float32Array[]]> {
  const count = cohort.clients.length
  for (const block of blocks) {
    const rows = scratch.subarray(0, count * block.size)
    cohort.fill(block, rows)
    yield [block, cohort.clients.map((_, k) => rows.subarray(k * block.size, (k + 1) * block.size))]
  }
}

/** Room for the rows of any of `blocks`: K × the largest. */
export function scratchFor({ clients }: Cohort, blocks: readonly LayerBlock[]): Float32Array {
  return new Float32Array(clients.length * blocks.reduce((most, { size }) => Math.max(most, size), 0))
}

/** An extra of a block from each of these rows. Throws `strategy_invalid` when a client did not send it. */
export function extrasOfRows(
  { clients, extras }: Cohort,
  name: ExtraName,
  { name: block }: LayerBlock,
  rows: readonly number[],
): readonly Float32Array[] {
  return rows.map(row => {
    const values = extras[row]!.get(extraKey(name, block))
    if (values) return values
    throw new FedError('strategy_invalid', {
      expected: `clients that send ${extraKey(name, block)}`,
      received: `none from client ${clients[row]}`,
    })
  })
}

function withRows(rows: Omit<Cohort, 'stack'>): Cohort {
  return {
    ...rows,
    stack: block =>
      filledTensor<tf.Rank.R2>([rows.clients.length, block.size], values => {
        rows.fill(block, values)
      }),
  }
}

/** On its own, with all it touches as arguments: inside a closure the loop takes twice as long. */
function subtract(
  deltas: Float32Array,
  at: number,
  params: Params,
  global: Params,
  offset: number,
  size: number,
): void {
  for (let i = 0; i < size; i++) deltas[at + i] = params[offset + i]! - global[offset + i]!
}

function requireMembers(sorted: readonly Member[], layout: LayerLayout): void {
  if (sorted.length === 0) throw new FedError('input_invalid', { expected: 'at least one client', received: 'none' })
  for (const [index, { client, numExamples, params }] of sorted.entries()) {
    if (client === sorted[index + 1]?.client)
      throw new FedError('input_invalid', { expected: 'each client once', received: `client ${client} twice` })
    // More could not be summed: some means would be of nothing, and say nothing of it.
    if (!(numExamples >= 0 && numExamples <= Number.MAX_SAFE_INTEGER))
      throw new FedError('input_invalid', {
        expected: 'a number of examples from 0 to 2^53 − 1',
        received: `${numExamples} from client ${client}`,
      })
    if (params.length !== layout.size)
      throw new FedError('length_mismatch', {
        expected: `${layout.size} parameters`,
        received: `${params.length} from client ${client}`,
      })
  }
}
