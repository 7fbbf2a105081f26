import { input, type LayersModel, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { z } from 'zod'
import { conv, dense, globalAverage, relu } from './layers.ts'
import type { ModelShape } from './model.ts'

/** One residual block of a network without normalisation. */
export interface ResidualBlock {
  readonly filters: number
  readonly strides: number
}

/** The option `branchScale` of a residual architecture. */
export function branchScaleOption(fallback: number) {
  return z.number().min(0).max(1).default(fallback).meta({
    description: 'factor on the initial kernel that ends each residual branch; 1 is plain init, 0 the identity',
  })
}

/** For `initialScale`: the last convolution of every branch starts smaller, everything else as `init` says. */
export function scaleBranches({ branchScale }: { readonly branchScale: number }, block: string): number {
  return block.endsWith('/conv2') ? branchScale : 1
}

/**
 * conv1 (3×3, stride 1, ReLU), residual blocks block1, block2, …, global average, fc. A block is
 * relu(conv2(relu(conv1(x))) + x), He et al. 2016a figure 2 without its batch normalisation and with biases; where the
 * shape changes, x goes through a 1×1 convolution, block/shortcut (their option B). Padding is TensorFlow's "same", which
 * puts the odd pixel of a stride of 2 on the right and below, where PyTorch would put it left and above.
 */
export function residualNetwork(
  { inputShape, numClasses }: ModelShape,
  stem: number,
  blocks: readonly ResidualBlock[],
): LayersModel {
  const start = input({ shape: [...inputShape] })
  let x = conv('conv1', stem, 3, { padding: 'same' }).apply(start) as SymbolicTensor
  for (const [i, block] of blocks.entries()) x = residual(x, `block${i + 1}`, block)
  const logits = dense('fc', numClasses, 'linear').apply(globalAverage().apply(x)) as SymbolicTensor
  return model({ inputs: start, outputs: logits })
}

function residual(x: SymbolicTensor, name: string, { filters, strides }: ResidualBlock): SymbolicTensor {
  const inner = conv(`${name}/conv1`, filters, 3, { padding: 'same', strides }).apply(x)
  const branch = conv(`${name}/conv2`, filters, 3, { padding: 'same', activation: 'linear' }).apply(inner)
  const changes = strides !== 1 || x.shape.at(-1) !== filters
  const shortcut = changes ? conv(`${name}/shortcut`, filters, 1, { strides, activation: 'linear' }).apply(x) : x
  const sum = layers.add({ name: `${name}/sum` }).apply([branch, shortcut] as SymbolicTensor[])
  return relu(`${name}/relu`).apply(sum) as SymbolicTensor
}
