import { z } from 'zod'
import { type LayerLayout, type Params, sizeOf, type TensorSpec, tensorViews } from '../core/layout.ts'
import { normal, type Rng } from '../core/rng.ts'

export const INITIALIZERS = ['heNormal', 'glorotUniform', 'torchUniform'] as const
export type Initializer = (typeof INITIALIZERS)[number]

/** The option `init` of a built-in architecture. */
export function initOption(fallback: Initializer) {
  return z
    .enum(INITIALIZERS)
    .default(fallback)
    .meta({ description: 'initial kernels; biases start at 0, but with torchUniform' })
}

/**
 * Fresh parameters, float32[layout.size]: kernels by `initializer`, biases (unless that draws them too), shifts and running
 * means 0, scales and running variances 1. Every tensor draws from its own stream, named after it, and TF.js is not asked,
 * so the bits depend neither on the engine nor on what else the model holds. The kernels of a block are multiplied by
 * `scaleOf(block)`. They are written to `params`, which holds zeros, or a new array.
 */
export function initialParams(
  layout: LayerLayout,
  initializer: Initializer,
  rng: Rng,
  scaleOf: (block: string) => number = () => 1,
  params: Params = new Float32Array(layout.size),
): Params {
  for (const block of layout.blocks)
    for (const [i, values] of tensorViews(params, block).entries()) {
      const tensor = block.tensors[i]!
      const kernel = block.tensors.find(({ kind }) => kind === 'kernel')
      if (tensor.kind === 'kernel') DRAW[initializer](values, tensor, rng.fork(tensor.name), scaleOf(block.name))
      else if (tensor.kind === 'bias' && kernel && initializer === 'torchUniform')
        DRAW[initializer](values, kernel, rng.fork(tensor.name), 1)
      else if (/\/(gamma|moving_variance)$/.test(tensor.name)) values.fill(1)
    }
  return params
}

type Draw = (values: Params, tensor: TensorSpec, rng: Rng, scale: number) => void

const DRAW: Readonly<Record<Initializer, Draw>> = {
  /** w ~ N(0, 2 / fanIn): He et al. 2015, equation 10. Not truncated, unlike the initializer of that name in Keras. */
  heNormal(values, tensor, rng, scale) {
    const deviation = scale * Math.sqrt(2 / fans(tensor).fanIn)
    for (let i = 0; i < values.length; i++) values[i] = deviation * normal(rng)
  },
  /** w ~ U(-a, a), a = √(6 / (fanIn + fanOut)): Glorot and Bengio 2010, equation 16. */
  glorotUniform(values, tensor, rng, scale) {
    const { fanIn, fanOut } = fans(tensor)
    const bound = scale * Math.sqrt(6 / (fanIn + fanOut))
    uniform(values, bound, rng)
  },
  /** w and b ~ U(-a, a), a = 1 / √fanIn: what PyTorch gives Linear and Conv2d when nothing is asked for. */
  torchUniform(values, tensor, rng, scale) {
    uniform(values, scale / Math.sqrt(fans(tensor).fanIn), rng)
  },
}

function uniform(values: Params, bound: number, rng: Rng): void {
  for (let i = 0; i < values.length; i++) values[i] = bound * (2 * rng.next() - 1)
}

/**
 * Inputs and outputs of one unit of a kernel [...window, in, out]. A unit of a depthwise kernel [...window, channels,
 * multiplier] sees one channel only.
 */
function fans({ name, shape }: TensorSpec): { readonly fanIn: number; readonly fanOut: number } {
  const window = sizeOf(shape.slice(0, -2))
  const inputs = name.endsWith('/depthwise_kernel') ? 1 : (shape.at(-2) ?? 1)
  return { fanIn: window * inputs, fanOut: window * (shape.at(-1) ?? 1) }
}
