import * as tf from '@tensorflow/tfjs-core'
import { z } from 'zod'

/** The λ of the merging methods: how much of the merged update is added to the global model. */
export function scaleOption(byDefault: number): z.ZodDefault<z.ZodNumber> {
  return z.number().positive().default(byDefault).meta({ description: 'factor of the merged update' })
}

/** `vector` times `scale`; itself when that is 1. */
export function scaled(vector: tf.Tensor1D, scale: number): tf.Tensor1D {
  return scale === 1 ? vector : tf.mul(vector, scale)
}
