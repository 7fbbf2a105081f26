import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import { FedError } from '../core/errors.ts'
import { layersOf } from './weights.ts'

/**
 * Takes every layer of a user's model once forward and back on the current engine, with one example of zeros: TF.js has
 * layers without a gradient (dilated convolutions), and engines lack kernels of others. Better refused here, by name,
 * than in the first round by every client. Throws `model_invalid` with the layer; leaves the weights as they
 * were. A refusal leaves the few tensors that TF.js had saved for the way back.
 */
export function requireTrainable(model: LayersModel): void {
  for (const layer of layersOf(model)) {
    const problem = problemOf(layer)
    if (problem === null) continue
    throw new FedError('model_invalid', {
      expected: `layers that can be trained on the engine ${tf.getBackend()}`,
      received: `${layer.getClassName()} "${layer.name}": ${problem}`,
      hint: 'Another engine may have it (fedstrata engines lists them); else replace the layer',
    })
  }
}

function problemOf(layer: layers.Layer): string | null {
  const [node] = layer.inboundNodes
  if (!node || node.inboundLayers.length === 0) return null // an input
  const fromInput = node.inboundLayers.every(source => source.getClassName() === 'InputLayer')
  const weights = layer.trainableWeights.map(weight => weight.read() as tf.Variable)
  const shapes = node.inputShapes as (readonly (number | null)[])[]
  const kept = layer.weights.map(weight => tf.clone(weight.read()))
  try {
    tf.tidy(() => {
      const inputs = shapes.map(shape => tf.variable(tf.zeros(shape.map(extent => extent ?? 1))))
      try {
        const run = () => sum(layer.call(inputs.length === 1 ? inputs[0]! : inputs, { training: true }))
        // What comes from the input itself is never asked for its gradient, and may well have none (indices).
        const of = fromInput ? weights : [...weights, ...inputs]
        if (of.length > 0) tf.variableGrads(run, of)
        else run()
      } finally {
        for (const input of inputs) input.dispose()
      }
    })
    return null
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0]! : String(error)
  } finally {
    for (const [i, weight] of layer.weights.entries()) weight.write(kept[i]!)
    tf.dispose(kept)
  }
}

function sum(outputs: tf.Tensor | tf.Tensor[]): tf.Scalar {
  return tf.addN([outputs].flat().map(output => tf.sum(output))) as tf.Scalar
}
