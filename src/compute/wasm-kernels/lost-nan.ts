import type { TensorInfo } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend } from './heap.ts'

/**
 * XNNPACK clamps what it computes to what a fused activation allows, −∞ to ∞ for none, and NaN becomes the lower end: a model
 * that evaluates to NaN would look like one that only is bad. So a result with −∞ in it is computed again by `again`, a plain
 * loop, into a result of the same shape; all else stays as it is, to the bit.
 */
export function withLostNaN(out: TensorInfo, backend: WasmBackend, again: (out: Float32Array) => void): TensorInfo {
  const values = floats(backend, out)
  if (values.includes(Number.NEGATIVE_INFINITY)) again(values)
  return out
}

/** Whether one of them is NaN. */
export function hasNaN(values: Float32Array): boolean {
  let sum = 0 // NaN once NaN is in it; ∞ − ∞ counts too, which costs no more than a second look
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0
  return sum !== 0 && values.some(Number.isNaN)
}
