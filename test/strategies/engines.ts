import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import '../../src/compute/ops/central-mean.ts'
import { prepareEngine } from '../../src/compute/choose.ts'
import '../../src/compute/ops/interpolate.ts'
import '../../src/compute/ops/layered-sum.ts'
import '../../src/compute/ops/weighted-sum.ts'
import { withoutSoftwareAdapter } from '../helpers/software-adapter.ts'

/** Why webgpu is left out, or false where there is a software adapter. */
const noAdapter = withoutSoftwareAdapter()

/**
 * The TF.js backends that the strategies are tested on. "bare" is the cpu backend without our kernels: it stands for an
 * engine that has none, so that the fallbacks run too.
 */
export const ENGINES = ['cpu', 'wasm', 'bare', 'webgpu'] as const
export type EngineName = (typeof ENGINES)[number]

export const SKIP: Readonly<Record<EngineName, string | false>> = {
  cpu: false,
  wasm: false,
  bare: false,
  webgpu: noAdapter,
}

/** True where sums are float32: in fallbacks, and on a graphics card, which has nothing wider. */
export const SUMS_IN_FLOAT32: Readonly<Record<EngineName, boolean>> = {
  cpu: false,
  wasm: false,
  bare: true,
  webgpu: true,
}

/**
 * Kernels that sum in float64 and round once must agree to the last bit but one; sums of up to tens of terms in float32
 * have an error of 2^-24 of the largest in each.
 */
export const RELATIVE_TOLERANCE: Readonly<Record<EngineName, number>> = {
  cpu: 2 ** -22,
  wasm: 2 ** -22,
  bare: 2 ** -19,
  webgpu: 2 ** -19,
}

/** Cases of a property: fewer on a software adapter, where each takes some milliseconds, and always the same ones. */
export function runsOn(engine: EngineName, many: number): { readonly numRuns: number; readonly seed?: number } {
  return engine === 'webgpu' ? { numRuns: Math.ceil(many / 5), seed: 1 } : { numRuns: many }
}

/** As a process has it: prepared, with our kernels; "bare" alone is as the package ships it. */
export async function useEngine(name: EngineName): Promise<void> {
  if (name !== 'bare' && !prepared.has(name)) prepared.set(name, prepareEngine(name))
  await prepared.get(name)
  await tf.setBackend(name)
  if (tf.getBackend() !== name) throw new Error(`TF.js runs ${tf.getBackend()} instead of ${name}`)
}

const prepared = new Map<EngineName, Promise<unknown>>()

tf.enableProdMode()
tf.registerBackend('bare', () => new MathBackendCPU())
tf.copyRegisteredKernels('cpu', 'bare')
for (const { kernelName } of tf.getKernelsForBackend('bare'))
  if (kernelName.startsWith('Fedstrata')) tf.unregisterKernel(kernelName, 'bare')
