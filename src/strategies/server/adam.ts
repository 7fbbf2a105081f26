import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Part, ServerOptimizer } from '../transform.ts'
import { adaptive, adaptiveOptions, beta2 } from './adaptive.ts'

const schema = z.strictObject({ name: z.literal('adam'), ...adaptiveOptions({ beta1: 0.9 }), beta2 })

/** v ← β₂ v + (1 − β₂) Δ²: FedAdam, Reddi et al. 2021, Algorithm 2. */
export const adam: Part<ServerOptimizer<'m' | 'v'>, typeof schema> = {
  name: 'adam',
  summary: 'Adaptive steps from decaying first and second moments (FedAdam).',
  schema,
  make: options =>
    adaptive({
      ...options,
      secondMoment: (v, squared) => tf.add(tf.mul(v, options.beta2), tf.mul(squared, 1 - options.beta2)),
    }),
}
