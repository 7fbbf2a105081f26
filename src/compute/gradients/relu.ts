import * as tf from '@tensorflow/tfjs-core'
import { runPackKernel } from '../ops/pack-kernel.ts'

/**
 * ReLU's own gradient writes a tensor of ones and zeros, copies it, and multiplies. To keep the output instead of the
 * input says the same, and the next layer keeps it anyway.
 */
export function registerReluGradient(): void {
  tf.unregisterGradient('Relu')
  tf.registerGradient({
    kernelName: 'Relu',
    outputsToSave: [true],
    gradFunc: (slope, saved) => {
      const [y, dy] = [saved[0]!, slope as tf.Tensor]
      return {
        x: () => runPackKernel('FedstrataReluGradient', { y, dy })?.[0] ?? tf.mul(dy, tf.cast(tf.step(y), 'float32')),
      }
    },
  })
}
