import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import type { GuardedBackend } from '../webgpu/guarded-backend.ts'
import { runInterpolation } from '../webgpu/interpolation.ts'

const NAME = 'FedstrataInterpolate'

/**
 * (1 − t) a + t b for two vectors of one length, float32[P]; t may lie outside [0, 1]. At 0 and 1 it is a and b bit for
 * bit, where both are finite. Throws `input_invalid` for two lengths, or a t that is not finite.
 */
export function interpolate(a: tf.Tensor1D, b: tf.Tensor1D, t: number): tf.Tensor1D {
  if (a.size !== b.size || !Number.isFinite(t))
    throw new FedError('input_invalid', {
      expected: 'two vectors of one length and a finite coefficient',
      received: `${a.size} and ${b.size} values, and ${t}`,
    })
  if (tf.getKernel(NAME, tf.getBackend())) return tf.engine().runKernel(NAME, { a, b }, { t })
  return tf.tidy(() => tf.add(tf.mul(a, 1 - t), tf.mul(b, t)))
}

tf.registerKernel({
  kernelName: NAME,
  backendName: 'webgpu',
  kernelFunc: ({ inputs, backend, attrs }) =>
    runInterpolation(backend as GuardedBackend, inputs['a']!, inputs['b']!, attrs!['t'] as number),
})
