import * as tf from '@tensorflow/tfjs-core'
import type { WasmBackend } from '../wasm-kernels/heap.ts'
import { packOf } from '../wasm-kernels/pack.ts'

/**
 * Runs a kernel of the pack on the current engine; null where there is none, and the caller says the same in TF.js ops.
 * It has no gradient of its own: call it outside the tape or inside `tf.customGrad`.
 */
export function runPackKernel(
  name: string,
  inputs: tf.NamedTensorMap,
  attrs: tf.NamedAttrMap = {},
): tf.Tensor[] | null {
  if (tf.getBackend() !== 'wasm' || !tf.getKernel(name, 'wasm')) return null
  if (!packOf(tf.backend() as unknown as WasmBackend)) return null
  const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, inputs, attrs)
  return Array.isArray(result) ? result : [result]
}
