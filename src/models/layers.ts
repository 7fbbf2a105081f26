import { initializers, type LayersModel, layers, sequential } from '@tensorflow/tfjs-layers'
import { filledTensor } from '../compute/ops/filled.ts'

type Layer = layers.Layer
type Activation = 'relu' | 'linear'

/** A stack of layers on examples of `inputShape`. */
export function stack(inputShape: readonly number[], parts: readonly Layer[]): LayersModel {
  const model = sequential()
  model.add(layers.inputLayer({ inputShape: [...inputShape] }))
  for (const part of parts) model.add(part)
  return model
}

/**
 * Kernels begin with whatever lies in memory: `Network.init` draws the real values. So nothing is written where the flat executor
 * trains, which has memory of its own, and a large model is not there once more.
 */
function unset() {
  const initializer = initializers.zeros()
  initializer.apply = shape => filledTensor(shape as number[], () => {})
  return initializer
}

/** Fully connected. */
export function dense(name: string, units: number, activation: Activation, useBias = true): Layer {
  return layers.dense({ name, units, activation, useBias, kernelInitializer: unset() })
}

export interface ConvOptions {
  /** "valid" has none; "same" keeps ⌈size / strides⌉, with TensorFlow's rule of what goes to which side. */
  readonly padding?: 'valid' | 'same'
  readonly strides?: number
  readonly activation?: Activation
  readonly useBias?: boolean
}

/** size × size convolution; left to itself without padding, stride 1, then ReLU. */
export function conv(name: string, filters: number, size: number, options: ConvOptions = {}): Layer {
  const { padding = 'valid', strides = 1, activation = 'relu', useBias = true } = options
  return layers.conv2d({
    ...{ name, filters, kernelSize: size, padding, strides, activation, useBias },
    kernelInitializer: unset(),
  })
}

/** 3 × 3 convolution of each channel for itself, "same" padding, no activation. */
export function depthwise(name: string, strides: number, useBias: boolean): Layer {
  return layers.depthwiseConv2d({
    ...{ name, kernelSize: 3, padding: 'same', strides, useBias },
    depthwiseInitializer: unset(),
  })
}

/** 2 × 2 maximum, stride 2; an odd last row or column is dropped. */
export function maxPool(name: string): Layer {
  return layers.maxPooling2d({ name, poolSize: 2 })
}

export function flatten(): Layer {
  return layers.flatten({ name: 'flatten' })
}

export function relu(name: string): Layer {
  return layers.activation({ name, activation: 'relu' })
}

/** The mean of each channel over all positions: [batch, height, width, channels] to [batch, channels]. */
export function globalAverage(): Layer {
  return layers.globalAveragePooling2d({ name: 'average' })
}
