import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import * as javascript from '../elementwise.ts'
import { addressOf, type WasmBackend } from '../heap.ts'
import { packed, packOnly } from '../pack.ts'

interface Call {
  readonly inputs: { readonly y: TensorInfo; readonly dy: TensorInfo }
  readonly backend: WasmBackend
}

export const relu = packed(javascript.relu, ({ inputs: { x }, backend }: javascript.UnaryCall, pack) => {
  if (x.dtype !== 'float32') return null
  const out = backend.makeOutput(x.shape, 'float32')
  pack.rectify(addressOf(backend, x), addressOf(backend, out), util.sizeFromShape(x.shape))
  return out
})

/** dy where y > 0, else 0. */
export const rectifierGradient = packOnly('FedstrataReluGradient', ({ inputs: { y, dy }, backend }: Call, pack) => {
  const out = backend.makeOutput(y.shape, 'float32')
  const [from, slope, to] = [y, dy, out].map(tensor => addressOf(backend, tensor)) as [number, number, number]
  pack.rectifierGradient(from, slope, to, util.sizeFromShape(y.shape))
  return out
})
