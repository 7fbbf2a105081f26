import type * as tf from '@tensorflow/tfjs-core'
import type { z } from 'zod'
import type { LayerBlock, LayerLayout, Params } from '../core/layout.ts'
import type { Component } from '../core/registry.ts'
import type { Rng } from '../core/rng.ts'
import type { Cohort } from './cohort.ts'

/** What every part of a strategy may look at. */
export interface RoundContext {
  readonly round: number
  readonly layout: LayerLayout
  /** The global model before the round, float32[layout.size]. */
  readonly global: Params
  /** The blocks averaged in this round, in layout order. Whole-model quantities are taken over these. */
  readonly averaged: readonly LayerBlock[]
  /** The run's stream; what a part draws, it forks by a label that holds its name and the round. */
  readonly rng: Rng
}

/** Cohort → cohort: clips, drops or re-weights clients before they are reduced. Leaves no tensor behind. */
export interface Filter {
  readonly name: string
  apply(cohort: Cohort, context: RoundContext): Cohort | Promise<Cohort>
}

/** Stack → vector: the clients' updates of one block become one. Called inside `tf.tidy`. */
export interface BlockReducer {
  /** stack: float32[K, block.size], K ≥ 1; weights: K positive numbers that sum to 1; result: float32[block.size]. */
  reduce(stack: tf.Tensor2D, weights: Float64Array, block: LayerBlock): tf.Tensor1D
}

export interface Reducer extends BlockReducer {
  readonly name: string
  /** For a reducer that must see whole vectors first, block by block; what it returns reduces the blocks of the round. */
  prepare?(cohort: Cohort, context: RoundContext): BlockReducer | Promise<BlockReducer>
}

/**
 * Vector → vector: the reduced update of one block becomes the step of the global model. An init/apply pair as in optax;
 * K names the vectors that it remembers between rounds, each float32[block.size].
 */
export interface ServerOptimizer<K extends string = string> {
  readonly name: string
  init(block: LayerBlock): Readonly<Record<K, Float32Array>>
  /** Called inside `tf.tidy`. */
  apply(
    delta: tf.Tensor1D,
    memory: Readonly<Record<K, tf.Tensor1D>>,
    context: RoundContext,
  ): readonly [step: tf.Tensor1D, memory: Readonly<Record<K, tf.Tensor1D>>]
}

/** A part that a run file can name, and how it is made from its options. */
export interface Part<T, S extends z.ZodObject = z.ZodObject> extends Component<S> {
  make(options: z.output<S>): T
}
