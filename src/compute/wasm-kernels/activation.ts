import { getKernel, type TensorInfo } from '@tensorflow/tfjs-core'
import type { WasmBackend } from './heap.ts'

/** TF.js's fused activations that layers ask for, as kernels of their own. */
const KERNELS: Readonly<Record<string, string>> = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu' }

/**
 * A fused kernel whose activation runs behind it. XNNPACK clamps before it activates, and of NaN a ReLU would make 0 and an ELU
 * −1; here `run` sees to NaN first, and the kernels of the activations keep it.
 */
export function activatedAfter<Attributes extends { readonly activation?: string }>(
  attrs: Attributes,
  backend: WasmBackend,
  run: (attrs: Attributes) => TensorInfo,
): TensorInfo {
  const kernel = KERNELS[attrs.activation ?? 'linear']
  if (!kernel) return run(attrs)
  const x = run({ ...attrs, activation: 'linear' })
  const out = getKernel(kernel, 'wasm').kernelFunc({ inputs: { x }, backend, attrs: {} }) as TensorInfo
  backend.disposeData(x.dataId)
  return out
}
