import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import { packOnly } from '../pack.ts'

// Results are new tensors: TF.js and its tape take it for granted that nobody writes into an old one.

interface SgdCall {
  readonly inputs: { readonly weight: TensorInfo; readonly gradient: TensorInfo; readonly velocity?: TensorInfo }
  readonly attrs: { readonly rate: number; readonly momentum: number; readonly decay: number }
  readonly backend: WasmBackend
}

/** Weight, and velocity when there was one. */
export const sgdStep = packOnly('FedstrataSgdStep', ({ inputs, attrs, backend }: SgdCall, pack) => {
  const { weight, gradient, velocity } = inputs
  const outputs = [weight, ...(velocity ? [velocity] : [])].map(like => backend.makeOutput(like.shape, 'float32'))
  const at = (tensor: TensorInfo | undefined) => (tensor ? addressOf(backend, tensor) : 0)
  const [newWeight, newVelocity] = outputs
  pack.sgdStep(
    at(weight),
    at(gradient),
    at(velocity),
    at(newWeight),
    at(newVelocity),
    util.sizeFromShape(weight.shape),
    attrs.rate,
    attrs.momentum,
    attrs.decay,
  )
  return outputs
})

interface AdamCall {
  readonly inputs: Readonly<Record<'weight' | 'gradient' | 'mean' | 'square', TensorInfo>>
  readonly attrs: Readonly<Record<'rate' | 'beta1' | 'beta2' | 'scale' | 'epsilon', number>>
  readonly backend: WasmBackend
}

/** Weight, mean and mean square. */
export const adamStep = packOnly('FedstrataAdamStep', ({ inputs, attrs, backend }: AdamCall, pack) => {
  const { weight, gradient, mean, square } = inputs
  const outputs = [weight, mean, square].map(like => backend.makeOutput(like.shape, 'float32'))
  const at = [weight, gradient, mean, square, ...outputs].map(tensor => addressOf(backend, tensor)) as Seven
  const { rate, beta1, beta2, scale, epsilon } = attrs
  const length = util.sizeFromShape(weight.shape)
  pack.adamStep(...at, length, rate, beta1, 1 - beta1, beta2, 1 - beta2, scale, epsilon)
  return outputs
})

type Seven = [number, number, number, number, number, number, number]

interface ProxCall {
  readonly inputs: Readonly<Record<'gradient' | 'weight' | 'anchor', TensorInfo>>
  readonly attrs: { readonly mu: number }
  readonly backend: WasmBackend
}

export const proxGradient = packOnly('FedstrataProxGradient', ({ inputs, attrs, backend }: ProxCall, pack) => {
  const { gradient, weight, anchor } = inputs
  const out = backend.makeOutput(weight.shape, 'float32')
  const at = [gradient, weight, anchor, out].map(tensor => addressOf(backend, tensor)) as Four
  pack.proxGradient(...at, util.sizeFromShape(weight.shape), attrs.mu)
  return out
})

type Four = [number, number, number, number]
