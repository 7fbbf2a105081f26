import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import '../../src/compute/ops/central-mean.ts'
import '../../src/compute/ops/row-norms.ts'
import '../../src/compute/ops/weighted-sum.ts'

/**
 * The TF.js backends that the strategies are tested on. "bare" is the cpu backend without our kernels: it stands for
 * every engine that has none (webgpu), so that the fallbacks run too.
 */
export const ENGINES = ['cpu', 'wasm', 'bare'] as const
export type EngineName = (typeof ENGINES)[number]

/**
 * Kernels sum in float64 and round once, so they must agree to the last bit but one; fallbacks sum up to tens of terms in
 * float32, each with an error of 2^-24 of the largest.
 */
export const RELATIVE_TOLERANCE: Readonly<Record<EngineName, number>> = {
  cpu: 2 ** -22,
  wasm: 2 ** -22,
  bare: 2 ** -19,
}

export async function useEngine(name: EngineName): Promise<void> {
  await tf.setBackend(name)
  if (tf.getBackend() !== name) throw new Error(`TF.js runs ${tf.getBackend()} instead of ${name}`)
}

tf.enableProdMode()
tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`)
tf.registerBackend('bare', () => new MathBackendCPU())
tf.copyRegisteredKernels('cpu', 'bare')
for (const { kernelName } of tf.getKernelsForBackend('bare'))
  if (kernelName.startsWith('Fedstrata')) tf.unregisterKernel(kernelName, 'bare')
