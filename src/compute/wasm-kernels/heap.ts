import type { TensorInfo } from '@tensorflow/tfjs-core'
import { FedError } from '../../core/errors.ts'

/**
 * The part of tfjs-backend-wasm 4.22.0 that our kernels stand on. It is not a public interface of that package, which is
 * why the package is pinned exactly and why every engine is tested before it is used.
 */
export interface WasmBackend {
  /** Allocates on the wasm heap, uninitialised. The heap may move: take views after the last allocation, not before. */
  makeOutput(shape: readonly number[], dtype: TensorInfo['dtype']): TensorInfo
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array | Uint8Array
  disposeData(dataId: object): boolean
  incRef(dataId: object): void
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } }
  readonly wasm: {
    /** A signed 32-bit address, 0 when there is no memory left. */
    _malloc(bytes: number): number
    _free(address: number): void
    readonly asm: { readonly memory: { readonly buffer: ArrayBuffer } }
  }
}

/** The values of a float32 tensor in place: valid until the next allocation. Throws as `addressOf` does. */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  addressOf(backend, tensor)
  return backend.typedArrayFromHeap(tensor) as Float32Array
}

/**
 * Where a tensor's values begin on the heap. Unlike a view, it stays valid when the heap grows. Throws `engine_limit`
 * where TF.js got no memory for the tensor: it does not look, and would compute on from address 0.
 */
export function addressOf(backend: WasmBackend, tensor: TensorInfo): number {
  const { memoryOffset } = backend.dataIdMap.get(tensor.dataId)
  if (memoryOffset === 0)
    throw new FedError('engine_limit', {
      expected: 'tensors that fit into the heap of wasm, 4 GiB at most',
      received: `no room for ${tensor.dtype}[${tensor.shape}]`,
    })
  return memoryOffset
}

/** Makes outputs of one kernel, and frees its intermediate results when it is done. */
export function withScratch<T>(backend: WasmBackend, run: (scratch: (tensor: TensorInfo) => TensorInfo) => T): T {
  const held: TensorInfo[] = []
  try {
    return run(tensor => {
      held.push(tensor)
      return tensor
    })
  } finally {
    for (const tensor of held) backend.disposeData(tensor.dataId)
  }
}
