import { conv2D, depthwiseConv2D, fusedConv2D } from './conv2d.ts'
import { conv2DBackpropFilter, conv2DBackpropInput } from './conv2d-gradients.ts'
import { depthwiseBackpropFilter, depthwiseBackpropInput } from './depthwise-gradients.ts'
import { clipByValue, maximum, minimum, relu, relu6, sign } from './elementwise.ts'
import { gather } from './gather.ts'
import { installKernel, uninstallKernel, type WasmKernel } from './kernel.ts'
import { batchMatMul, fusedMatMul } from './mat-mul.ts'
import { maxPoolGrad } from './max-pool-grad.ts'
import * as additions from './packed/add.ts'
import * as clamps from './packed/clamp.ts'
import * as conv2d from './packed/conv2d.ts'
import * as losses from './packed/cross-entropy.ts'
import * as matMul from './packed/mat-mul.ts'
import * as normalization from './packed/normalization.ts'
import * as pooling from './packed/pooling.ts'
import * as rectifiers from './packed/rectifier.ts'
import * as segments from './packed/segment-sum.ts'
import * as share from './packed/share.ts'
import * as steps from './packed/step.ts'
import * as sums from './packed/sum.ts'
import { avgPool, maxPool } from './pool.ts'
import { slice } from './slice.ts'
import { mean, sum } from './sum.ts'
import { tile } from './tile.ts'

/** What tfjs-backend-wasm 4.22.0 lacks, gets wrong or does slowly, in JavaScript over its own heap and products. */
export const javascriptKernels: readonly WasmKernel[] = [
  batchMatMul,
  fusedMatMul,
  conv2D,
  fusedConv2D,
  conv2DBackpropFilter,
  conv2DBackpropInput,
  depthwiseBackpropFilter,
  depthwiseBackpropInput,
  depthwiseConv2D,
  gather,
  avgPool,
  maxPool,
  maxPoolGrad,
  sign,
  relu,
  relu6,
  clipByValue,
  maximum,
  minimum,
  slice,
  sum,
  mean,
  tile,
]

/** The same and more out of the kernel pack; those in JavaScript run where it does not start. */
export const packKernels: readonly WasmKernel[] = [
  ...javascriptKernels,
  ...Object.values(matMul),
  ...Object.values(conv2d),
  ...Object.values(pooling),
  ...Object.values(clamps),
  ...Object.values(sums),
  ...Object.values(additions),
  ...Object.values(share),
  ...Object.values(segments),
  ...Object.values(losses),
  ...Object.values(normalization),
  ...Object.values(rectifiers),
  ...Object.values(steps),
]

/** Installs kernels in order; a later one takes the place of an earlier one of the same name. */
export function installKernels(kernels: readonly WasmKernel[]): void {
  for (const kernel of kernels) installKernel(kernel)
}

/** Takes all of ours away again, so that the backend is as it was shipped: what a measurement is compared with. */
export function uninstallKernels(): void {
  for (const { name } of packKernels) uninstallKernel(name)
}
