import { readFileSync } from 'node:fs'
import type { WasmBackend } from './heap.ts'
import type { WasmKernel } from './kernel.ts'
import type { PackFunctions } from './pack-functions.ts'
import { WebAssembly } from './web-assembly.ts'

/** The kernel pack on the heap of one backend. */
export interface KernelPack extends PackFunctions {
  /** The address of at least `bytes` on that heap; what the last caller left there. Good until the next call. */
  scratch(bytes: number): number
  /** Values on the heap in place: valid until the next allocation. */
  float64s(address: number, length: number): Float64Array
}

const packs = new WeakMap<object, KernelPack | Error>()

/** The pack, started on first use; null where it cannot be, and `packProblem` says why. Kernels in JavaScript run then. */
export function packOf(backend: WasmBackend): KernelPack | null {
  const pack = started(backend)
  return pack instanceof Error ? null : pack
}

export function packProblem(backend: WasmBackend): string | null {
  const pack = started(backend)
  return pack instanceof Error ? pack.message : null
}

function started(backend: WasmBackend): KernelPack | Error {
  let pack = packs.get(backend)
  if (!pack) {
    pack = start(backend)
    packs.set(backend, pack)
  }
  return pack
}

let compiled: object | null = null

/** The functions of the pack on a memory: TF.js's heap, or one of our own. Throws where WebAssembly or its SIMD is missing. */
export function instantiatePack(memory: object): PackFunctions {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernel-pack.wasm', import.meta.url)))
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as PackFunctions
}

function start({ wasm }: WasmBackend): KernelPack | Error {
  try {
    const { memory } = wasm.asm
    return {
      ...instantiatePack(memory),
      scratch: createScratch(wasm),
      float64s: (address, length) => new Float64Array(memory.buffer, address, length),
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** One piece of the heap for all kernels, since none of them keeps anything; replaced when a larger one is asked for. */
function createScratch(wasm: WasmBackend['wasm']): KernelPack['scratch'] {
  let [address, size] = [0, 0]
  return bytes => {
    if (bytes <= size) return address
    if (size > 0) wasm._free(address)
    size = 0
    address = wasm._malloc(bytes) >>> 0
    if (address === 0) throw new Error(`the wasm heap has no ${bytes} bytes left`)
    size = bytes
    return address
  }
}

/** A kernel of the pack; `fallback` runs where there is no pack, and for calls that `run` answers with null. */
export function packed<Call extends { readonly backend: WasmBackend }>(
  fallback: WasmKernel,
  run: (call: Call, pack: KernelPack) => ReturnType<WasmKernel['run']> | null,
): WasmKernel {
  return {
    name: fallback.name,
    run(call, shipped) {
      const pack = packOf((call as unknown as Call).backend)
      return (pack && run(call as unknown as Call, pack)) ?? fallback.run(call, shipped)
    },
  }
}

/** A kernel under a name of our own, for ops that ask `packKernel` first and say the same in TF.js ops elsewhere. */
export function packOnly<Call extends { readonly backend: WasmBackend }>(
  name: string,
  run: (call: Call, pack: KernelPack) => ReturnType<WasmKernel['run']>,
): WasmKernel {
  return packed(asShipped(name), run)
}

/** What tfjs-backend-wasm ships under that name. */
export function asShipped(name: string): WasmKernel {
  return {
    name,
    run({ inputs, attrs, backend }, shipped) {
      if (!shipped) throw new Error(`tfjs-backend-wasm ships no kernel ${name}`)
      return shipped(inputs, attrs, backend)
    },
  }
}
