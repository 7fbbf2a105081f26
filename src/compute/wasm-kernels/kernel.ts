import type { KernelConfig, NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core'
import { getKernel, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core'
import type { WasmBackend } from './heap.ts'

/** What TF.js gives a kernel: its inputs by name, its attributes, and the backend whose heap they live on. */
export interface KernelCall<Inputs, Attributes> {
  readonly inputs: Inputs
  readonly attrs: Attributes
  readonly backend: WasmBackend
}

/** A kernel for the wasm backend; `shipped` is the one that tfjs-backend-wasm brings, or null when it brings none. */
export interface WasmKernel {
  readonly name: string
  readonly run: (call: KernelCall<never, never>, shipped: ShippedKernel | null) => TensorInfo | TensorInfo[]
}

export type ShippedKernel = (
  inputs: Readonly<Record<string, TensorInfo | undefined>>,
  attrs: object,
  backend: WasmBackend,
) => TensorInfo

const shippedConfigs = new Map<string, KernelConfig | null>()

/**
 * Puts `kernel` in the place of what is registered under its name. Safe to repeat, and to override with another kernel of
 * the same name later: `shipped` stays the kernel that came with the package.
 */
export function installKernel(kernel: WasmKernel): void {
  const config = shippedConfig(kernel.name)
  shippedConfigs.set(kernel.name, config)
  if (getKernel(kernel.name, 'wasm')) unregisterKernel(kernel.name, 'wasm')
  const shipped = config && shippedKernel(kernel.name)
  registerKernel({
    ...config, // keeps the set-up of the shipped kernel, which binds its wasm function when the backend starts
    kernelName: kernel.name,
    backendName: 'wasm',
    kernelFunc: call => kernel.run(call as unknown as KernelCall<never, never>, shipped),
  })
}

/** Undoes `installKernel`: what the package ships is back, and what it lacks is gone. */
export function uninstallKernel(name: string): void {
  const config = shippedConfig(name)
  if (getKernel(name, 'wasm')) unregisterKernel(name, 'wasm')
  if (config) registerKernel(config)
}

/** A kernel as the package ships it, whatever was installed over it. Call it inside kernels only. */
export function shippedKernel(name: string): ShippedKernel {
  return (inputs, attrs, backend) => {
    const config = shippedConfig(name)
    if (!config) throw new Error(`tfjs-backend-wasm ships no kernel ${name}`)
    return config.kernelFunc({
      inputs: inputs as NamedTensorInfoMap,
      attrs: attrs as NamedAttrMap,
      backend,
    }) as TensorInfo
  }
}

/** Remembered from before the first override; null, once remembered, means that the package brings none. */
function shippedConfig(name: string): KernelConfig | null {
  return shippedConfigs.has(name) ? (shippedConfigs.get(name) ?? null) : (getKernel(name, 'wasm') ?? null)
}

export const transpose = shippedKernel('Transpose')
