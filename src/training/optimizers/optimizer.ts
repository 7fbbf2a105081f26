import type * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { PackFunctions } from '../../compute/wasm-kernels/pack-functions.ts'

/** The update rule of one weight tensor. Pure: it makes tensors inside the caller's `tf.tidy` and keeps none. */
export interface Optimizer {
  /** Before the schedule. */
  readonly learningRate: number
  /** Names of its memory; each weight tensor has one tensor of its own shape per slot, 0 at first. */
  readonly slots: readonly string[]
  update(input: OptimizerInput): OptimizerOutput
  /** The same update, to the same bits, of weights that lie in plain memory; TF.js has to train where it is missing. */
  inPlace?(input: InPlaceStep): void
}

/** Weights, gradients and memory as addresses of `length` float32 each. */
export interface InPlaceStep extends Pick<OptimizerInput, 'learningRate' | 'step'> {
  readonly kernels: PackFunctions
  readonly length: number
  readonly weight: number
  readonly gradient: number
  /** In the order of `slots`. */
  readonly memory: readonly number[]
}

export interface OptimizerInput {
  readonly weight: tf.Tensor
  readonly gradient: tf.Tensor
  /** In the order of `slots`. */
  readonly memory: readonly tf.Tensor[]
  /** After the schedule. */
  readonly learningRate: number
  /** Updates that this weight has had, this one included, for as long as its memory has lasted: 1, 2, … */
  readonly step: number
}

export interface OptimizerOutput {
  readonly weight: tf.Tensor
  readonly memory: readonly tf.Tensor[]
}

export function learningRate(byDefault: number): z.ZodDefault<z.ZodNumber> {
  return z.number().positive().max(1e6).default(byDefault).meta({ description: 'step size, before the schedule' })
}
