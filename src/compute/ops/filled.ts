import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../core/layout.ts'
import { floats, type WasmBackend } from '../wasm-kernels/heap.ts'

/**
 * A new float32 tensor whose values `fill` writes; what it leaves out is arbitrary. On wasm that is the engine's own memory: a large
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

function onHeap<R extends tf.Rank>(shape: tf.ShapeMap[R], fill: (values: Float32Array) => void): tf.Tensor<R> {
  const heap = tf.backend() as unknown as WasmBackend
  const info = heap.makeOutput(shape, 'float32')
  fill(floats(heap, info))
  return tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor<R>
}
