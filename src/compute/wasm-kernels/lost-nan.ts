import { type TensorInfo, util } from '@tensorflow/tfjs-core'
import { addressOf, floats, type WasmBackend } from './heap.ts'
import { packOf } from './pack.ts'

/**
 * XNNPACK clamps what it computes to what a fused activation allows, −∞ to ∞ for none, and NaN becomes the lower end: a model
 * that evaluates to NaN would look like one that only is bad. So a result with −∞ in it is computed again by `again`, a plain
 * loop, into a result of the same shape; all else stays as it is, to the bit.
 */
export function withLostNaN(out: TensorInfo, backend: WasmBackend, again: (out: Float32Array) => void): TensorInfo {
  const pack = packOf(backend)
  const suspect = pack
    ? pack.hasLeast(addressOf(backend, out), util.sizeFromShape(out.shape))
    : floats(backend, out).includes(Number.NEGATIVE_INFINITY)
  if (suspect) again(floats(backend, out))
  return out
}
