import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Part, ServerOptimizer } from '../transform.ts'
import { learningRate } from './learning-rate.ts'

const schema = z.strictObject({
  name: z.literal('momentum'),
  learningRate: learningRate(1),
  beta: z.number().min(0).lt(1).default(0.9).meta({ description: 'share of the last velocity that is kept' }),
})

/**
 * v ← β v + Δ, x ← x + η v with v₀ = 0: FedAvgM of Hsu et al. 2019, Section 4 (their Δ has the other sign, and η = 1).
 * No Nesterov step and no dampening: the velocity of a constant Δ tends to Δ / (1 − β).
 */
export const momentum: Part<ServerOptimizer<'velocity'>, typeof schema> = {
  name: 'momentum',
  summary: 'Adds a decaying sum of the reduced updates (FedAvgM).',
  schema,
  make: ({ learningRate, beta }) => ({
    name: 'momentum',
    columnwise: true,
    init: ({ size }) => ({ velocity: new Float32Array(size) }),
    apply(delta, memory) {
      const velocity = tf.add(tf.mul(memory.velocity, beta), delta) as tf.Tensor1D
      return [learningRate === 1 ? velocity : tf.mul(velocity, learningRate), { velocity }]
    },
  }),
}
