/**
 * Registers the gradients of TF.js's ops. The Node build of tfjs-core contains none, and its file that registers them
 * cannot be loaded by Node; importing tfjs-layers is the one published way to have them. Ours take the place of two.
 */
import '@tensorflow/tfjs-layers'
import { registerAvgPoolGradient } from './gradients/avg-pool.ts'
import { registerReluGradient } from './gradients/relu.ts'

/** To be called after an engine was loaded: one that brings the whole of TF.js, as tfjs-node does, registers its own again. */
export function registerGradients(): void {
  registerAvgPoolGradient()
  registerReluGradient()
}

registerGradients()
