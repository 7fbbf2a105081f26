import type { TensorInfo } from '@tensorflow/tfjs-core'
import { util } from '@tensorflow/tfjs-core'
import * as javascript from '../elementwise.ts'
import { addressOf } from '../heap.ts'
import { type KernelPack, packed } from '../pack.ts'

export const relu6 = packed(javascript.relu6, (call: javascript.UnaryCall, pack) => clamp(call, pack, 0, 6))

export const clipByValue = packed(javascript.clipByValue, (call: javascript.UnaryCall, pack) => {
  const { clipValueMin, clipValueMax } = call.attrs as javascript.ClipAttributes
  return clamp(call, pack, clipValueMin, clipValueMax)
})

function clamp(
  { inputs: { x }, backend }: javascript.UnaryCall,
  pack: KernelPack,
  low: number,
  high: number,
): TensorInfo | null {
  if (x.dtype !== 'float32') return null
  const out = backend.makeOutput(x.shape, 'float32')
  pack.clamp(addressOf(backend, x), addressOf(backend, out), util.sizeFromShape(x.shape), low, high)
  return out
}
