import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Part, ServerOptimizer } from '../transform.ts'
import { adaptive, adaptiveOptions } from './adaptive.ts'

const schema = z.strictObject({ name: z.literal('adagrad'), ...adaptiveOptions({ beta1: 0 }) })

/** v ← v + Δ²: FedAdagrad, Reddi et al. 2021, Algorithm 2. β₁ defaults to 0, as in the paper's experiments. */
export const adagrad: Part<ServerOptimizer<'m' | 'v'>, typeof schema> = {
  name: 'adagrad',
  summary: 'Adaptive steps from the sum of all squared updates (FedAdagrad).',
  schema,
  make: options => adaptive({ ...options, secondMoment: (v, squared) => tf.add(v, squared) }),
}
