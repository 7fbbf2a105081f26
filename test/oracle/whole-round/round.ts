import type { Rng } from '../../../src/core/rng.ts'
import type { Vector } from '../../strategies/oracle.ts'
import { meanByExamples } from '../running-statistics.ts'
import { FILTERS } from './filters.ts'
import { REDUCERS } from './reducers.ts'
import { SERVER_OPTIMIZERS } from './server.ts'

/**
 * What the coordinator makes of a round, in plain float64 loops: differences → filters → reducer → server optimizers on the weights,
 * and the mean by examples of running statistics. Knows tensors by name, shape and whether they are statistics, and nothing of
 * src/strategies.
 */

export interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly statistic?: unknown
}

export interface Sent {
  readonly client: number
  readonly numExamples: number
  readonly params: ArrayLike<number>
  readonly extras?: ReadonlyMap<string, ArrayLike<number>> | undefined
}

export interface Named {
  readonly name: string
  readonly [option: string]: unknown
}

export interface Parts {
  readonly filters?: readonly Named[]
  readonly reduce?: Named
  readonly server?: readonly Named[]
}

/** Adjacent positions of the vector of all weights: a block, or a tensor. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface Block extends Range {
  readonly name: string
  readonly tensors: readonly (Range & { readonly shape: readonly number[] })[]
}

/** All that a part may go by; vectors are those of the weights alone, tensor after tensor. */
export interface Round {
  readonly number: number
  readonly rng: Rng
  readonly blocks: readonly Block[]
  readonly sent: readonly Sent[]
  /** Sum to 1. */
  readonly shares: Vector
  readonly global: Vector
}

/** What rounds leave behind: the reduced updates of the rounds so far. */
export type History = readonly Vector[]

export interface RoundInput extends Pick<Round, 'number' | 'rng' | 'sent'> {
  readonly tensors: readonly Tensor[]
  readonly global: Vector
  readonly history: History
}

/** The new global model, and the history for the next round. Every block is averaged, weighted by examples. */
export function wholeRound(parts: Parts, input: RoundInput): { readonly global: number[]; readonly history: History } {
  const { tensors, number, rng } = input
  const sent = input.sent.toSorted((a, b) => a.client - b.client)
  const examples = sent.map(({ numExamples }) => numExamples)
  const total = examples.reduce((sum, n) => sum + n, 0)
  const isStatistic = tensors.flatMap(tensor => new Array<boolean>(sizeOf(tensor)).fill(tensor.statistic !== undefined))
  const weightsOf = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => !isStatistic[i])
  const global = weightsOf(input.global)
  const round: Round = {
    ...{ number, rng, sent, global, blocks: blocksOf(tensors) },
    shares: examples.map(n => n / total),
  }
  let updates = sent.map(({ params }) => weightsOf(params).map((value, i) => value - global[i]!))
  for (const { name, ...options } of parts.filters ?? []) updates = FILTERS[name]!(updates, round, options)
  const { name: reducer, ...options } = parts.reduce ?? { name: 'weightedMean' }
  const history = [...input.history, REDUCERS[reducer]!(updates, round, options)]
  const steps = (parts.server ?? []).reduce(
    (all, { name, ...options }) => SERVER_OPTIMIZERS[name]!(all, round.blocks, options),
    history as readonly Vector[],
  )
  const weights = steps.at(-1)!.map((step, i) => global[i]! + step)
  const means = meanByExamples(
    sent.map(({ params }) => params),
    examples,
  )
  let next = 0
  return { history, global: isStatistic.map((statistic, i) => (statistic ? means[i]! : weights[next++]!)) }
}

function sizeOf({ shape }: Tensor): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

/** The weights of each block: tensors whose names are the same up to the last slash. */
function blocksOf(tensors: readonly Tensor[]): Block[] {
  const blocks: Block[] = []
  let end = 0
  for (const tensor of tensors) {
    if (tensor.statistic !== undefined) continue
    const start = end
    end += sizeOf(tensor)
    const name = tensor.name.slice(0, tensor.name.lastIndexOf('/'))
    const last = blocks.at(-1)
    const part = { start, end, shape: tensor.shape }
    if (last?.name === name) blocks[blocks.length - 1] = { ...last, end, tensors: [...last.tensors, part] }
    else blocks.push({ name, start, end, tensors: [part] })
  }
  return blocks
}
