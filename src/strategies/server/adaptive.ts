import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { ServerOptimizer } from '../transform.ts'
import { learningRate } from './learning-rate.ts'

/** The options that the three optimizers of Reddi et al. 2021, Algorithm 2 have in common. */
export function adaptiveOptions(defaults: { readonly beta1: number }) {
  return {
    learningRate: learningRate(0.1),
    beta1: z.number().min(0).lt(1).default(defaults.beta1).meta({ description: 'decay of the first moment' }),
    tau: z
      .number()
      .positive()
      .default(1e-3)
      .meta({ description: 'degree of adaptivity: keeps the step bounded where updates are tiny' }),
  }
}

export const beta2 = z.number().min(0).lt(1).default(0.99).meta({ description: 'decay of the second moment' })

interface Adaptive {
  readonly name: string
  readonly learningRate: number
  readonly beta1: number
  readonly tau: number
  /** v_t from v_{t−1} and Δ_t²: where the three differ. */
  secondMoment(v: tf.Tensor1D, squared: tf.Tensor1D): tf.Tensor1D
}

/**
 * m ← β₁ m + (1 − β₁) Δ, v ← secondMoment(v, Δ²), x ← x + η m / (√v + τ): Reddi et al. 2021, Algorithm 2. As there, no
 * bias correction. m₀ = 0; the paper asks for v₋₁ ≥ τ², here v₋₁ = τ² (Flower starts from 0, which makes the first steps
 * larger). τ is outside the root.
 */
export function adaptive(options: Adaptive): ServerOptimizer<'m' | 'v'> {
  const { name, learningRate, beta1, tau, secondMoment } = options
  return {
    name,
    columnwise: true,
    init: ({ size }) => ({ m: new Float32Array(size), v: new Float32Array(size).fill(tau ** 2) }),
    apply(delta, memory) {
      const m = tf.add(tf.mul(memory.m, beta1), tf.mul(delta, 1 - beta1)) as tf.Tensor1D
      const v = secondMoment(memory.v, tf.square(delta))
      return [tf.mul(tf.div(m, tf.add(tf.sqrt(v), tau)), learningRate), { m, v }]
    },
  }
}
