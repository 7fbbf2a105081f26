import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Part, ServerOptimizer } from '../transform.ts'
import { adaptive, adaptiveOptions, beta2 } from './adaptive.ts'

const schema = z.strictObject({ name: z.literal('yogi'), ...adaptiveOptions({ beta1: 0.9 }), beta2 })

/** v ← v − (1 − β₂) Δ² sign(v − Δ²): FedYogi, Reddi et al. 2021, Algorithm 2. */
export const yogi: Part<ServerOptimizer<'m' | 'v'>, typeof schema> = {
  name: 'yogi',
  summary: 'As adam, with a second moment that changes by at most a share of the squared update (FedYogi).',
  schema,
  make: options =>
    adaptive({
      ...options,
      secondMoment: (v, squared) => tf.sub(v, tf.mul(tf.mul(squared, 1 - options.beta2), tf.sign(tf.sub(v, squared)))),
    }),
}
