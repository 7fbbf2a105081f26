import type { serialization, Tensor } from '@tensorflow/tfjs-core'
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers'

/** Of the variance, as in the papers' code. */
export const EPSILON = 1e-5

/** A layer with a scale γ and a shift β for each channel. TF.js takes layers of one's own only as classes. */
export abstract class Normalization extends layers.Layer {
  protected gamma!: LayerVariable
  protected beta!: LayerVariable

  override build(shape: Shape): void {
    this.gamma = this.weight('gamma', shape, 1, true)
    this.beta = this.weight('beta', shape, 0, true)
    super.build(shape)
  }

  protected weight(name: string, shape: Shape, start: number, trainable: boolean): LayerVariable {
    const initializer = initializers.constant({ value: start })
    return this.addWeight(name, [shape.at(-1)!], 'float32', initializer, undefined, trainable)
  }

  override getConfig(): serialization.ConfigDict {
    return { ...super.getConfig(), epsilon: EPSILON }
  }

  override call(inputs: Tensor | Tensor[], options: { readonly training?: boolean }): Tensor {
    return this.normalized(Array.isArray(inputs) ? inputs[0]! : inputs, options.training ?? false)
  }

  /** x float32[batch, …, channels] to the same shape. */
  protected abstract normalized(x: Tensor, training: boolean): Tensor
}
