import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import type { EngineSetup } from '../engine.ts'
import type { WasmBackend } from '../wasm-kernels/heap.ts'
import { installKernels, packKernels } from '../wasm-kernels/index.ts'
import { packProblem } from '../wasm-kernels/pack.ts'
import { oneThread } from './processor.ts'

/** The engine that works anywhere: tfjs-backend-wasm, with our kernel pack on its heap for what training needs. */
export const wasm: EngineSetup = {
  name: 'wasm',
  summary: 'WebAssembly with SIMD: needs nothing but Node.',
  async load() {
    // Explicit, because the package looks beside its own script, which a bundler or a loader may have moved.
    const script = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(dirname(script) + sep)
    installKernels(packKernels)
  },
  variant: () => (packProblem(tf.backend() as unknown as WasmBackend) === null ? null : 'kernels in JavaScript'),
  describe() {
    const device = oneThread()
    const problem = packProblem(tf.backend() as unknown as WasmBackend)
    const kernels = problem === null ? 'kernel pack' : `kernels in JavaScript, 2 to 4 times slower (${problem})`
    return { version: version_wasm, device: { ...device, description: `${device.description}, ${kernels}` } }
  },
}
