import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import { packOnly } from '../pack.ts'

interface Sets {
  readonly images: number
  readonly groups: number
}

interface ForwardCall {
  readonly inputs: Readonly<Record<'x' | 'gamma' | 'beta', TensorInfo>>
  readonly attrs: Sets & { readonly epsilon: number }
  readonly backend: WasmBackend
}

interface GradientCall {
  readonly inputs: Readonly<Record<'dy' | 'x' | 'gamma' | 'mean' | 'scale', TensorInfo>>
  readonly attrs: Sets
  readonly backend: WasmBackend
}

/** y, and for each set [images, 1, groups, 1] its mean, variance and 1 / √(variance + epsilon). */
export const normalize = packOnly('FedstrataNormalize', ({ inputs, attrs, backend }: ForwardCall, pack) => {
  const { x, gamma, beta } = inputs
  const { images, groups, epsilon } = attrs
  const perSet = [images, 1, groups, 1]
  const outputs = [x.shape, perSet, perSet, perSet].map(shape => backend.makeOutput(shape, 'float32'))
  const scratch = pack.scratch(pack.normalizationScratch(x.shape.at(-1)!))
  const at = [x, gamma, beta, ...outputs].map(tensor => addressOf(backend, tensor)) as Seven
  pack.normalize(...at, ...viewOf(x, attrs), epsilon, scratch)
  return outputs
})

/** dx, dγ and dβ. */
export const normalizeGradient = packOnly(
  'FedstrataNormalizeGradient',
  ({ inputs: { dy, x, gamma, mean, scale }, attrs, backend }: GradientCall, pack) => {
    const outputs = [x, gamma, gamma].map(like => backend.makeOutput(like.shape, 'float32'))
    const scratch = pack.scratch(pack.normalizationScratch(x.shape.at(-1)!))
    const at = [dy, x, gamma, mean, scale, ...outputs].map(tensor => addressOf(backend, tensor)) as [...Seven, number]
    pack.normalizeGradient(...at, ...viewOf(x, attrs), scratch)
    return outputs
  },
)

type Seven = [number, number, number, number, number, number, number]

function viewOf(x: TensorInfo, { images, groups }: Sets): [number, number, number, number] {
  const channels = x.shape.at(-1)!
  return [images, util.sizeFromShape(x.shape) / images / channels, groups, channels / groups]
}
