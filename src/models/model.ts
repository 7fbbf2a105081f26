import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { z } from 'zod'
import { FedError } from '../core/errors.ts'
import type { Component } from '../core/registry.ts'

/** What a model is fitted to: one example's shape, images as [height, width, channels], and the number of classes. */
export interface ModelShape {
  readonly inputShape: readonly number[]
  readonly numClasses: number
}

/**
 * An architecture. `build` makes a TF.js LayersModel that maps [batch, …input] to logits [batch, numClasses]; its input
 * may be flat or shaped as the data. Layer names are the block names, the same every time. Throws `model_invalid` when
 * the architecture does not fit the data. Its weights hold no meaning until `Network.assign`.
 */
export interface ModelComponent<S extends z.ZodObject = z.ZodObject> extends Component<S> {
  build(options: z.output<S>, shape: ModelShape): LayersModel | Promise<LayersModel>
  /** SHA-256, hex, of what it reads from files; left out by an architecture that reads none. */
  digest?(options: z.output<S>): Promise<string>
  /** What the initial kernels of a block are multiplied by; 1 everywhere when left out. */
  initialScale?(options: z.output<S>, block: string): number
}

/** Throws `model_invalid` unless examples are images of at least `smallest` × `smallest` pixels. */
export function requireImages(name: string, { inputShape }: ModelShape, smallest: number): void {
  const [height = 0, width = 0] = inputShape
  if (inputShape.length === 3 && height >= smallest && width >= smallest) return
  throw new FedError('model_invalid', {
    expected: `images of at least ${smallest}×${smallest}×channels for the model ${name}`,
    received: `examples of ${inputShape.join('×')}`,
    hint: 'Use mlp for examples that are not images',
  })
}
