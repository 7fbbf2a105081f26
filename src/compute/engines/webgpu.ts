import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'
import type { EngineSetup } from '../engine.ts'
import { chooseAdapter, describeAdapter, isSoftware, openDevice } from '../webgpu/adapter.ts'
import type { Dawn, Gpu, GpuAdapterInfo } from '../webgpu/dawn.ts'
import { type GuardedBackend, guardedBackend, type ShippedBackendClass } from '../webgpu/guarded-backend.ts'

const DAWN = 'webgpu'
const BACKEND = '@tensorflow/tfjs-backend-webgpu'

/** Of this thread: an engine has one device at a time. */
let open: { readonly adapter: GpuAdapterInfo; readonly backend: GuardedBackend } | null = null

/** The graphics card through WebGPU, whoever made it; tensors stay on it, and every read has to be awaited. */
export const webgpu: EngineSetup = {
  name: 'webgpu',
  summary: 'The graphics card through Vulkan, Metal or Direct3D 12; a software adapter only when asked for by name.',
  async load(byName) {
    const ready = open && tf.findBackendFactory('webgpu') && !open.backend.fault()
    if (ready && (byName || !isSoftware(open!.adapter))) return
    const dawn = await optional<Dawn>(DAWN)
    const gpu = dawn.create([])
    const adapter = await chooseAdapter(dawn, gpu, { acceptSoftware: byName })
    exposeWebGpu(dawn, gpu)
    const { WebGPUBackend } = await optional<{ readonly WebGPUBackend: ShippedBackendClass }>(BACKEND)
    const backend = guardedBackend(WebGPUBackend, await openDevice(adapter), adapter.info)
    // In the place of the package's own, which takes any adapter, and of the one whose device was lost.
    if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu')
    tf.registerBackend('webgpu', () => backend)
    open = { adapter: adapter.info, backend }
  },
  describe() {
    const { adapter } = open!
    const software = isSoftware(adapter)
    return {
      version: versionOf(BACKEND),
      device: {
        kind: software ? 'cpu' : 'gpu',
        description: `${describeAdapter(adapter)}${software ? ', in software' : ''}`,
      },
      note: software ? 'a software adapter: right, and slow' : null,
    }
  },
  fault: () => open?.backend.fault() ?? null,
}

async function optional<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const missing = code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)
    throw new FedError('engine_unavailable', {
      expected: `the packages ${DAWN} and ${BACKEND}`,
      received: missing ? `no ${name}` : `${name} that does not load (${message.split('\n')[0]})`,
      hint: 'npm ci installs both unless it is told to omit optional packages; they need a 64-bit Linux, macOS or Windows',
      cause: error,
    })
  }
}

/** TF.js looks for WebGPU where a browser has it. */
function exposeWebGpu({ globals }: Dawn, gpu: Gpu): void {
  Object.assign(globalThis, globals)
  const scope = globalThis as { navigator?: object }
  if (!scope.navigator) Object.defineProperty(scope, 'navigator', { value: {}, configurable: true, writable: true })
  Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true })
}

function versionOf(name: string): string {
  return (createRequire(import.meta.url)(`${name}/package.json`) as { readonly version: string }).version
}
