import type * as tf from '@tensorflow/tfjs-core'
import type { z } from 'zod'
import type { Extra } from '../core/extras.ts'
import type { LayerBlock, LayerLayout, Params } from '../core/layout.ts'
import type { Component } from '../core/registry.ts'
import type { Rng } from '../core/rng.ts'
import type { Cohort } from './cohort.ts'

/** Examples that the coordinator holds; their labels are nobody's business. */
export interface Unlabelled {
  readonly count: number
  /** Mean entropy of a model's predictions on some of them, nats, and its gradient float32[layout.size], good until the next call. */
  entropy(params: Params, examples: Uint32Array): Promise<{ readonly entropy: number; readonly gradient: Float32Array }>
}

/** What every part of a strategy may look at. */
export interface RoundContext {
  readonly round: number
  readonly layout: LayerLayout
  /** The global model before the round, float32[layout.size]; for reducers and server optimizers with the statistics of the new one. */
  readonly global: Params
  /** The weights of the blocks averaged in this round, without statistics, in layout order. Whole-model quantities are taken over these. */
  readonly averaged: readonly LayerBlock[]
  /** The run's stream; what a part draws, it forks by a label that holds its name and the round. */
  readonly rng: Rng
  /** Absent where the run has none. */
  readonly unlabelled?: Unlabelled | undefined
}

export interface BlockContext extends RoundContext {
  readonly block: LayerBlock
}

/** What a part of a strategy asks of the run that uses it. A run that does not have it is refused before it begins. */
export interface Needs {
  /** Updates in every round, at least. */
  readonly clients?: number
  /** Local steps that are learning rate times gradient: SGD without momentum. */
  readonly plainSteps?: boolean
  /** Clients that train the loss between their model and anchors: `local.connectivity`. */
  readonly connectivity?: boolean
  /** Every layer that is averaged at all is averaged in every round, by all its clients. */
  readonly wholeRounds?: boolean
  /** Examples that the coordinator holds itself. */
  readonly serverData?: boolean
  /** Layer rules that leave no client out, and give none another weight. */
  readonly allClients?: boolean
  /** Patterns of layer blocks that have to be averaged. */
  readonly shared?: readonly string[]
  /** Which rule of the method says so, for people: "krum with faulty: 2 compares each update with 2 · 2 + 2 others". */
  readonly why: string
}

/**
 * A part that takes each column of a block (each parameter) by itself, whatever the others are: a large block is given to it
 * in pieces, a range of columns at a time. Left out, it is given whole blocks.
 */
export interface Columnwise {
  readonly columnwise?: boolean | undefined
}

/**
 * What a robust part promises while at most some of the clients send what they like, any finite update of any length. docs/methods.md
 * says where each bound is from, and test/strategies/outliers.test.ts holds every registered part that makes a promise to it.
 */
export interface Robustness {
  /** How many of `clients`, where all count alike. */
  tolerates(clients: number): number
  /**
   * Where the reduced update is, in what the part looks at together (the model, or a layer); behind a filter it is their mean.
   *
   * - range: in each coordinate between the smallest and the largest honest update, once the others are far away
   * - direction: the same for others that point elsewhere; an honest direction may be sent at any length
   * - ball: from any point at most C times as far as the farthest honest update, C = (1 − ε) / √(1 − 2 ε), ε the others’ share
   * - pull: no longer than the longest honest update, and ε · pull
   */
  readonly bound: 'range' | 'direction' | 'ball' | { readonly pull: number }
}

/** Cohort → cohort: clips, drops or re-weights clients before they are reduced. Leaves no tensor behind. */
export interface Filter extends Columnwise {
  readonly name: string
  readonly needs?: Needs | undefined
  readonly robust?: Robustness | undefined
  apply(cohort: Cohort, context: RoundContext): Cohort | Promise<Cohort>
}

/** Which part of the cohort is reduced at a time. */
export interface Share {
  readonly block: LayerBlock
  /** The rows of the cohort that have a weight in this block, ascending. */
  readonly rows: readonly number[]
}

/** Stack → vector: the clients' updates of one block become one. Called inside `tf.tidy`. */
export interface StackReducer extends Columnwise {
  /**
   * stack: float32[K, block.size], K ≥ 1; weights: K positive numbers that sum to 1; result: float32[block.size]. A reducer
   * that is `columnwise` may be given some of the columns, and gives a result for each.
   */
  reduce(stack: tf.Tensor2D, weights: Float64Array, share: Share): tf.Tensor1D
}

/** A combination of K updates and the global model g: Σ_k updates[k] Δ_k + global · g. */
export interface Coefficients {
  readonly updates: Float64Array
  /** 0 when left out: most methods only mix updates. */
  readonly global?: number
}

/** As a `StackReducer` whose result is a linear combination of its rows: it needs to know only the coefficients. */
export interface LinearReducer {
  /** For the whole block, or one for each of its tensors, in order. */
  coefficients(weights: Float64Array, share: Share): Coefficients | readonly Coefficients[]
}

export type BlockReducer = StackReducer | LinearReducer

/** Reduces block by block, or first sees the whole cohort: what `prepare` returns then reduces the blocks of the round. */
export type Reducer = {
  readonly name: string
  readonly needs?: Needs | undefined
  /** What each client has to send beside its update; the cohort then holds it. */
  readonly asks?: readonly Extra[] | undefined
  /** Made so that a few clients, whatever they send, do not decide: what looks at all of them again undoes it. */
  readonly robust?: Robustness | undefined
} & (BlockReducer | { prepare(cohort: Cohort, context: RoundContext): BlockReducer | Promise<BlockReducer> })

/**
 * Vector → vector: the reduced update of one block becomes the step of the global model. An init/apply pair as in optax;
 * K names the vectors that it remembers between rounds, each float32[block.size].
 */
export interface ServerOptimizer<K extends string = string> extends Columnwise {
  readonly name: string
  readonly needs?: Needs | undefined
  init(block: LayerBlock): Readonly<Record<K, Float32Array>>
  /** Called inside `tf.tidy`. delta and memory: float32[block.size], or as many columns of it as a `columnwise` one is given. */
  apply(
    delta: tf.Tensor1D,
    memory: Readonly<Record<K, tf.Tensor1D>>,
    context: BlockContext,
  ): readonly [step: tf.Tensor1D, memory: Readonly<Record<K, tf.Tensor1D>>]
}

/** A part that a run file can name, and how it is made from its options. */
export interface Part<T, S extends z.ZodObject = z.ZodObject> extends Component<S> {
  make(options: z.output<S>): T
}
