/**
 * Registers the gradients of TF.js's ops. The Node build of tfjs-core contains none, and its file that registers them
 * cannot be loaded by Node; importing tfjs-layers is the one published way to have them.
 */
import '@tensorflow/tfjs-layers'
import * as tf from '@tensorflow/tfjs-core'
import { runPackKernel } from './ops/pack-kernel.ts'

// ReLU's own gradient writes a tensor of ones and zeros, copies it, and multiplies. Keeping the output instead of the
// input says the same, and the next layer keeps it anyway.
tf.unregisterGradient('Relu')
tf.registerGradient({
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dy, saved) => {
    const [y] = saved as [tf.Tensor]
    const slope = dy as tf.Tensor
    return {
      x: () =>
        runPackKernel('FedstrataReluGradient', { y, dy: slope })?.[0] ?? tf.mul(slope, tf.cast(tf.step(y), 'float32')),
    }
  },
})
