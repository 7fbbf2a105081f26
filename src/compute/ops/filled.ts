import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../core/layout.ts'

/**
 * A new float32 tensor whose values `fill` writes, every one of them. On wasm that is the engine's own memory: a large
 * stack then costs no second copy, and no fresh pages for it. `fill` must not keep the array, nor make tensors.
 */
export function filledTensor<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  fill: (values: Float32Array) => void,
): tf.Tensor<R> {
  if (tf.getBackend() === 'wasm') return onHeap<R>(shape, fill)
  const values = new Float32Array(sizeOf(shape))
  fill(values)
  return tf.tensor<R>(values, shape, 'float32')
}

/** The two members of BackendWasm 4.22 that its own kernels use as well. */
interface WasmHeap {
  makeOutput(shape: readonly number[], dtype: 'float32'): tf.TensorInfo
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array
}

function onHeap<R extends tf.Rank>(shape: tf.ShapeMap[R], fill: (values: Float32Array) => void): tf.Tensor<R> {
  const heap = tf.backend() as unknown as WasmHeap
  const info = heap.makeOutput(shape, 'float32')
  fill(heap.typedArrayFromHeap(info))
  return tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor<R>
}
