import { type LayersModel, layers, sequential } from '@tensorflow/tfjs-layers'

type Layer = layers.Layer
type Activation = 'relu' | 'linear'

/** A stack of layers on examples of `inputShape`. */
export function stack(inputShape: readonly number[], parts: readonly Layer[]): LayersModel {
  const model = sequential()
  model.add(layers.inputLayer({ inputShape: [...inputShape] }))
  for (const part of parts) model.add(part)
  return model
}

/** Fully connected. Kernels start at 0: `Network.init` draws the real values, TF.js would only waste time on it. */
export function dense(name: string, units: number, activation: Activation, useBias = true): Layer {
  return layers.dense({ name, units, activation, useBias, kernelInitializer: 'zeros' })
}

/** size × size convolution without padding ("valid"), stride 1, then ReLU. */
export function conv(name: string, filters: number, size: number): Layer {
  return layers.conv2d({ name, filters, kernelSize: size, activation: 'relu', kernelInitializer: 'zeros' })
}

/** 2 × 2 maximum, stride 2; an odd last row or column is dropped. */
export function maxPool(name: string): Layer {
  return layers.maxPooling2d({ name, poolSize: 2 })
}

export function flatten(): Layer {
  return layers.flatten({ name: 'flatten' })
}
