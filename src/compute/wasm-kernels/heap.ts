import type { TensorInfo } from '@tensorflow/tfjs-core'

/**
 * The part of tfjs-backend-wasm 4.22.0 that kernels written in JavaScript stand on. It is not a public interface of that
 * package, which is why the package is pinned exactly and why every engine is tested before it is used.
 */
export interface WasmBackend {
  /** Allocates on the wasm heap, uninitialised. The heap may move: take views after the last allocation, not before. */
  makeOutput(shape: readonly number[], dtype: TensorInfo['dtype']): TensorInfo
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array | Uint8Array
  disposeData(dataId: object): boolean
}

/** The values of a float32 tensor in place: valid until the next allocation. */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array
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
