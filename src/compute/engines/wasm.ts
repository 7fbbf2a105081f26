import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm'
import type { EngineSetup } from '../engine.ts'
import { installKernels, javascriptKernels } from '../wasm-kernels/index.ts'
import { oneThread } from './processor.ts'

/** The engine that works anywhere: XNNPACK as WebAssembly with SIMD, and our kernels for what that lacks. */
export const wasm: EngineSetup = {
  name: 'wasm',
  summary: 'WebAssembly with SIMD: needs nothing but Node.',
  async load() {
    // Explicit, because the package looks beside its own script, which a bundler or a loader may have moved.
    const script = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(dirname(script) + sep)
    installKernels(javascriptKernels)
  },
  describe: () => ({ version: version_wasm, device: oneThread() }),
}
