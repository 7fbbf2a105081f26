import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'
import type { Part, ServerOptimizer } from '../transform.ts'
import { learningRate } from './learning-rate.ts'

const schema = z.strictObject({ name: z.literal('sgd'), learningRate: learningRate(1) })

/** x ← x + η Δ: Reddi et al. 2021, Algorithm 1 with ServerOpt = SGD. η = 1 is plain averaging. */
export const sgd: Part<ServerOptimizer<never>, typeof schema> = {
  name: 'sgd',
  summary: 'Adds the reduced update, times a learning rate.',
  schema,
  make: ({ learningRate }) => ({
    name: 'sgd',
    columnwise: true,
    init: () => ({}),
    apply: (delta, memory) => [learningRate === 1 ? delta : tf.mul(delta, learningRate), memory],
  }),
}
