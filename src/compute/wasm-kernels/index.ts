import { conv2D, fusedConv2D } from './conv2d.ts'
import { conv2DBackpropFilter, conv2DBackpropInput } from './conv2d-gradients.ts'
import { installKernel, type WasmKernel } from './kernel.ts'
import { batchMatMul, fusedMatMul } from './mat-mul.ts'
import { maxPoolGrad } from './max-pool-grad.ts'
import { slice } from './slice.ts'
import { sum } from './sum.ts'

/** What tfjs-backend-wasm 4.22.0 lacks, gets wrong or does slowly, in JavaScript over its own heap and products. */
export const javascriptKernels: readonly WasmKernel[] = [
  batchMatMul,
  fusedMatMul,
  conv2D,
  fusedConv2D,
  conv2DBackpropFilter,
  conv2DBackpropInput,
  maxPoolGrad,
  slice,
  sum,
]

/** Installs kernels in order; a later one takes the place of an earlier one of the same name. */
export function installKernels(kernels: readonly WasmKernel[]): void {
  for (const kernel of kernels) installKernel(kernel)
}
