import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend } from '../heap.ts'
import { packOnly } from '../pack.ts'

interface Call {
  readonly inputs: { readonly y: TensorInfo; readonly dy: TensorInfo }
  readonly backend: WasmBackend
}

/** dy where y > 0, else 0. */
export const rectifierGradient = packOnly('FedstrataReluGradient', ({ inputs: { y, dy }, backend }: Call, pack) => {
  const out = backend.makeOutput(y.shape, 'float32')
  const [from, slope, to] = [y, dy, out].map(tensor => addressOf(backend, tensor)) as [number, number, number]
  pack.rectifierGradient(from, slope, to, util.sizeFromShape(y.shape))
  return out
})
