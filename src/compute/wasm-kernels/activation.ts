import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core'
import type { WasmBackend } from './heap.ts'

/** Names of TF.js's fused activations that lose NaN inside XNNPACK's clamp, as kernels of their own. */
const CLAMPED: Readonly<Record<string, string>> = { relu: 'Relu', relu6: 'Relu6' }

/**
 * A fused kernel whose clamping activation runs behind it, in a kernel that keeps NaN. The others are applied to what was
 * clamped to −∞ … ∞, where `run` sees to NaN.
 */
export function activatedAfter<Attributes extends { readonly activation?: string }>(
  attrs: Attributes,
  backend: WasmBackend,
  run: (attrs: Attributes) => TensorInfo,
): TensorInfo {
  const kernel = CLAMPED[attrs.activation ?? 'linear']
  if (!kernel) return run(attrs)
  const x = run({ ...attrs, activation: 'linear' })
  const out = getKernel(kernel, 'wasm').kernelFunc({ inputs: { x }, backend, attrs: {} }) as TensorInfo
  backend.disposeData(x.dataId)
  return out
}
