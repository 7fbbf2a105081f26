import type { TensorInfo } from '@tensorflow/tfjs-core'
import { backend_util } from '@tensorflow/tfjs-core'
import { floats, type WasmBackend } from './heap.ts'
import type { ShippedKernel, WasmKernel } from './kernel.ts'
import { withLostNaN } from './lost-nan.ts'
import * as loops from './window-loops.ts'

export interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

export interface PoolCall {
  readonly inputs: { readonly x: TensorInfo }
  readonly attrs: PoolAttributes
  readonly backend: WasmBackend
}

/** The largest value of each window. The shipped kernel leaves NaN out, and gives −∞ for a window of nothing else. */
export const maxPool: WasmKernel = {
  name: 'MaxPool',
  run({ inputs: { x }, attrs, backend }: PoolCall, shipped: ShippedKernel | null) {
    if (!shipped) throw new Error('tfjs-backend-wasm ships MaxPool')
    const out = shipped({ x }, attrs, backend)
    if (floats(backend, x).includes(Number.NaN))
      loops.maxPool(floats(backend, x), floats(backend, out), windowsOf(x, attrs))
    return out
  },
}

export const avgPool: WasmKernel = {
  name: 'AvgPool',
  run({ inputs: { x }, attrs, backend }: PoolCall, shipped: ShippedKernel | null) {
    if (!shipped) throw new Error('tfjs-backend-wasm ships AvgPool')
    return withLostNaN(shipped({ x }, attrs, backend), backend, out =>
      loops.averagePool(floats(backend, x), out, windowsOf(x, attrs)),
    )
  },
}

export function windowsOf(
  x: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: PoolAttributes,
): backend_util.Conv2DInfo {
  const shape = x.shape as [number, number, number, number]
  return backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
}
